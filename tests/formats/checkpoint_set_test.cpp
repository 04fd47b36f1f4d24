#include "formats/checkpoint_set.h"

#include <unistd.h>

#include "base/json.h"
#include "files.h"
#include "formats/safetensors.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace peft {
namespace {

using test::data_path;
using test::read_bytes;
using test::safetensors_bytes;
using test::TemporaryFolder;
using test::write_bytes;

std::unique_ptr<TensorSource> open(const std::string& path) { return open_checkpoint(Folder::open(path)); }

std::vector<OutputTensor> copies(const TensorSource& source) {
  std::vector<OutputTensor> tensors;
  for (const TensorEntry& entry : source.entries()) {
    tensors.push_back(output_from_source(entry.name, source, entry));
  }
  return tensors;
}

void expect_same(const TensorSource& a, const TensorSource& b) {
  ASSERT_EQ(a.entries().size(), b.entries().size());
  for (const TensorEntry& entry : a.entries()) {
    EXPECT_EQ(entry.shape, b.at(entry.name).shape) << entry.name;
    EXPECT_EQ(entry.dtype, b.at(entry.name).dtype) << entry.name;
    EXPECT_EQ(test::read_tensor(a, entry.name), test::read_tensor(b, entry.name)) << entry.name;
  }
}

TEST(CheckpointSet, ShardsHoldWhatOneFileHolds) {
  expect_same(*open(data_path("families/llama_sharded")), *open(data_path("families/llama")));
  EXPECT_EQ(open_checkpoint_file(data_path("families/llama/model.safetensors"))->entries().size(),
            open(data_path("families/llama"))->entries().size());
}

TEST(CheckpointSet, WritesOneFileOrShards) {
  const auto source = open(data_path("families/llama"));
  const TemporaryFolder one, many;
  write_checkpoint(one.path(), copies(*source));
  EXPECT_EQ(Folder::open(one.path()).list(), std::vector<std::string>{"model.safetensors"});
  EXPECT_TRUE(read_bytes(one.file("model.safetensors")) ==
              read_bytes(data_path("families/llama/model.safetensors")));

  write_checkpoint(many.path(), copies(*source), 30000);
  const std::vector<std::string> names = Folder::open(many.path()).list();
  ASSERT_GE(names.size(), 4u);
  EXPECT_TRUE(names.front().starts_with("model-00001-of-0000"));
  EXPECT_EQ(names.back(), "model.safetensors.index.json");
  expect_same(*open(many.path()), *source);
  const Json index = parse_json(read_bytes(many.file("model.safetensors.index.json")), "index");
  int64_t bytes = 0;
  for (const TensorEntry& entry : source->entries()) bytes += entry.bytes;
  EXPECT_EQ(index["metadata"]["total_size"].get<int64_t>(), bytes);
}

constexpr const char* tensor_a = R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})";

TEST(CheckpointSet, IndexAndShardsMustAgree) {
  const TemporaryFolder folder;
  write_bytes(folder.file("x.safetensors"), safetensors_bytes(tensor_a, "1"));
  const auto refused = [&](const std::string& index, const char* message, Code code = Code::format) {
    write_bytes(folder.file("model.safetensors.index.json"), index);
    EXPECT_ERROR(code, message, open(folder.path()));
  };
  refused(R"({"weight_map":{"a":"x.safetensors","b":"x.safetensors"}})",
          "tensor 'b' is not in x.safetensors");
  refused(R"({"weight_map":{"b":"x.safetensors"}})", "tensor 'a' is in x.safetensors");
  refused(R"({"weight_map":{"a":"y.safetensors"}})", "y.safetensors", Code::not_found);
  refused(R"({"weight_map":{}})", "names no tensor");
  refused(R"({"weight_map":["a"]})", "expected an object 'weight_map'");
  refused(R"({"weights":{}})", "expected an object 'weight_map'");
  refused(R"({"weight_map":{"a":1}})", "expected a file name");
  refused(R"({"weight_map":{"a":"x.safetensors","a":"x.safetensors"}})", "duplicate");
  refused(R"([])", "expected an object");
  refused(R"({"weight_map")", "JSON");
  refused(R"({"weight_map":)" + std::string(5000, '[') + std::string(5000, ']') + "}", "deeper", Code::limit);
}

TEST(CheckpointSet, NothingOutsideTheFolderIsOpened) {
  const TemporaryFolder root;
  make_folders(root.file("model/inner"));
  write_bytes(root.file("secret.safetensors"), safetensors_bytes(tensor_a, "1"));
  write_bytes(root.file("model/inner/x.safetensors"), safetensors_bytes(tensor_a, "1"));
  const std::string absolute = root.file("secret.safetensors");
  for (const std::string& name :
       {std::string("../secret.safetensors"), absolute, std::string("inner/x.safetensors"),
        std::string("inner\\\\x.safetensors"), std::string(".."), std::string(""),
        std::string(".safetensors"), std::string("x.bin"), std::string("/dev/zero"),
        std::string("x\\u0000.safetensors"), std::string("..safetensors")}) {
    write_bytes(root.file("model/model.safetensors.index.json"), R"({"weight_map":{"a":")" + name + "\"}}");
    EXPECT_ERROR(Code::format, "is not the name of a safetensors file", open(root.file("model")));
  }
  // A device behind an allowed name, and a link where links are refused.
  ASSERT_EQ(::symlink("/dev/zero", root.file("model/model.safetensors").c_str()), 0);
  ASSERT_EQ(::symlink(absolute.c_str(), root.file("model/link.safetensors").c_str()), 0);
  write_bytes(root.file("model/model.safetensors.index.json"), R"({"weight_map":{"a":"link.safetensors"}})");
  EXPECT_EQ(open(root.file("model"))->entries().size(), 1u);  // as in the folders of the Hugging Face cache
  EXPECT_ERROR(Code::io, "link", open_checkpoint(Folder::open(root.file("model"), /*follow_links=*/false)));
}

TEST(CheckpointSet, PicklesAndOtherFormatsAreNamed) {
  const TemporaryFolder folder;
  EXPECT_ERROR(Code::not_found, "neither model.safetensors nor", open(folder.path()));
  write_bytes(folder.file("training_args.bin"), "x");
  EXPECT_ERROR(Code::not_found, "neither model.safetensors nor", open(folder.path()));
  write_bytes(folder.file("tf_model.h5"), "x");
  EXPECT_ERROR(Code::unsupported, "tf_model.h5 is not supported", open(folder.path()));
  write_bytes(folder.file("pytorch_model.bin"), "x");
  EXPECT_ERROR(Code::unsupported, "pytorch_model.bin is a pickle", open(folder.path()));
  EXPECT_ERROR(Code::not_found, "nowhere", open(folder.file("nowhere")));
}

TEST(CheckpointSet, ATensorInTwoShardsIsRefused) {
  const TemporaryFolder folder;
  write_bytes(folder.file("x.safetensors"), safetensors_bytes(tensor_a, "1"));
  write_bytes(folder.file("y.safetensors"),
              safetensors_bytes(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                                R"("b":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
                                "12"));
  write_bytes(folder.file("model.safetensors.index.json"),
              R"({"weight_map":{"a":"x.safetensors","b":"y.safetensors"}})");
  EXPECT_ERROR(Code::format, "tensor 'a' is in y.safetensors", open(folder.path()));
}

}  // namespace
}  // namespace peft
