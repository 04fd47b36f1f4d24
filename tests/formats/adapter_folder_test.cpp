#include "formats/adapter_folder.h"

#include <sys/resource.h>

#include <csignal>
#include <filesystem>

#include "base/file.h"
#include "files.h"
#include "formats/safetensors_writer.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace peft {
namespace {

using test::read_bytes;
using test::TemporaryFolder;
using test::write_bytes;

const Json lora = {{"peft_type", "LORA"}, {"r", 2}};
const std::vector<float> numbers = {1, 2, 3, 4};

std::vector<OutputTensor> tensors(const char* name = "a") {
  return {output_from_bytes(name, DType::f32, Shape{2, 2}, std::as_bytes(std::span(numbers)))};
}

// Adapters that PEFT saved, read and saved here, have the same bytes in both files.
TEST(AdapterFolder, SavesTheBytesOfPeft) {
  int folders = 0;
  for (const auto& item : std::filesystem::directory_iterator(test::data_path("adapters"))) {
    if (!is_adapter_folder(item.path())) continue;
    const AdapterFolder adapter = open_adapter_folder(item.path());
    std::vector<OutputTensor> copies;
    for (const TensorEntry& entry : adapter.tensors->entries()) {
      copies.push_back(output_from_source(entry.name, *adapter.tensors, entry));
    }
    const TemporaryFolder root;
    const std::string path = root.file("new/adapter");
    save_adapter_folder(path, adapter.config, copies);
    for (const char* name : {"adapter_config.json", "adapter_model.safetensors"}) {
      EXPECT_TRUE(read_bytes(join_path(path, name)) == read_bytes(item.path() / name)) << item.path() << name;
    }
    EXPECT_EQ(Folder::open(path).list().size(), 2u) << "something temporary is left";
    ++folders;
  }
  EXPECT_GE(folders, 20);
}

TEST(AdapterFolder, ConfigTextIsPythons) {
  const Json config =
      parse_json(R"({"z":{"b":[],"a":{}},"peft_type":"LORA","revision":"é","dropout":1e-5,"x":0.0})", "c");
  EXPECT_EQ(
      adapter_config_text(config),
      "{\n  \"dropout\": 1e-05,\n  \"peft_type\": \"LORA\",\n  \"revision\": \"\\u00e9\",\n  \"x\": 0.0,\n"
      "  \"z\": {\n    \"a\": {},\n    \"b\": []\n  }\n}");
}

TEST(AdapterFolder, SaveReplacesThePairAndKeepsOtherFiles) {
  const TemporaryFolder folder;
  write_bytes(folder.file("tokenizer.json"), "{}");
  make_folders(folder.file("checkpoint-1"));
  save_adapter_folder(folder.path(), lora, tensors("old"), "# card");
  EXPECT_EQ(read_bytes(folder.file("README.md")), "# card");
  save_adapter_folder(folder.path(), {{"peft_type", "IA3"}}, tensors("new"));
  const AdapterFolder adapter = open_adapter_folder(folder.path());
  EXPECT_EQ(adapter.config["peft_type"], "IA3");
  EXPECT_EQ(test::read_tensor<float>(*adapter.tensors, "new"), numbers);
  EXPECT_EQ(adapter.tensors->entries().size(), 1u);
  EXPECT_EQ(Folder::open(folder.path()).list(),
            (std::vector<std::string>{"README.md", "adapter_config.json", "adapter_model.safetensors",
                                      "checkpoint-1", "tokenizer.json"}));
}

TEST(AdapterFolder, AFailedSaveLeavesTheOldAdapter) {
  const TemporaryFolder folder;
  save_adapter_folder(folder.path(), lora, tensors());
  const std::string config = read_bytes(folder.file("adapter_config.json"));
  const std::string weights = read_bytes(folder.file("adapter_model.safetensors"));
  const auto unchanged = [&] {
    EXPECT_EQ(read_bytes(folder.file("adapter_config.json")), config);
    EXPECT_EQ(read_bytes(folder.file("adapter_model.safetensors")), weights);
    EXPECT_EQ(Folder::open(folder.path()).list().size(), 2u);
  };
  EXPECT_ERROR(Code::invalid_argument, "without tensors", save_adapter_folder(folder.path(), lora, {}));
  unchanged();
  EXPECT_ERROR(Code::invalid_argument, "[0, 2]",
               save_adapter_folder(folder.path(), lora, {{"a", DType::f32, Shape{0, 2}, nullptr}}));
  EXPECT_ERROR(Code::invalid_argument, "i32",
               save_adapter_folder(folder.path(), lora, {{"a", DType::i32, Shape{2}, nullptr}}));
  EXPECT_ERROR(Code::format, "peft_type", save_adapter_folder(folder.path(), {{"r", 2}}, tensors()));
  EXPECT_ERROR(Code::format, "peft_type", save_adapter_folder(folder.path(), {{"peft_type", 1}}, tensors()));
  const OutputTensor throwing = {"a", DType::f32, Shape{2},
                                 [](int64_t, std::span<std::byte>) { fail(Code::cancelled, "stopped"); }};
  EXPECT_ERROR(Code::cancelled, "stopped", save_adapter_folder(folder.path(), lora, {throwing}));
  unchanged();
}

// The disk is full after so many bytes: a limit on file sizes fails the write in the same place with another
// errno.
TEST(AdapterFolder, AFullDiskLeavesTheOldAdapter) {
  const TemporaryFolder folder;
  save_adapter_folder(folder.path(), lora, tensors());
  const std::string config = read_bytes(folder.file("adapter_config.json"));
  const std::string weights = read_bytes(folder.file("adapter_model.safetensors"));
  const std::vector<float> many(20000, 1.0f);
  const Json new_config = {{"peft_type", "IA3"}, {"text", std::string(200, 'x')}};
  rlimit before;
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  for (const rlim_t limit : {0, 1, 100, 4096, 79000}) {
    rlimit tight = before;
    tight.rlim_cur = limit;
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &tight), 0);
    try {
      save_adapter_folder(folder.path(), new_config,
                          {output_from_bytes("a", DType::f32, Shape{20000}, std::as_bytes(std::span(many)))});
      ADD_FAILURE() << "saved within " << limit << " bytes";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::io) << error.what();
    }
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
    EXPECT_EQ(read_bytes(folder.file("adapter_config.json")), config);
    EXPECT_EQ(read_bytes(folder.file("adapter_model.safetensors")), weights);
    EXPECT_EQ(Folder::open(folder.path()).list().size(), 2u);
  }
  std::signal(SIGXFSZ, handler);
}

TEST(AdapterFolder, AConfigThatCannotFollowTakesTheWeightsBack) {
  const TemporaryFolder folder;
  save_adapter_folder(folder.path(), lora, tensors());
  const std::string weights = read_bytes(folder.file("adapter_model.safetensors"));
  std::filesystem::remove(folder.file("adapter_config.json"));
  make_folders(folder.file("adapter_config.json"));  // a folder in the way: the last rename fails
  EXPECT_ERROR(Code::io, "adapter_config.json", save_adapter_folder(folder.path(), lora, tensors("new")));
  EXPECT_EQ(read_bytes(folder.file("adapter_model.safetensors")), weights);
  EXPECT_EQ(Folder::open(folder.path()).list().size(), 2u);
}

TEST(AdapterFolder, BadFoldersAreRefused) {
  const TemporaryFolder folder;
  const auto config = [&](const std::string& text) { write_bytes(folder.file("adapter_config.json"), text); };
  const auto weights = [&](const std::vector<OutputTensor>& list) {
    write_safetensors(folder.file("adapter_model.safetensors"), list);
  };
  const auto open = [&] { return open_adapter_folder(folder.path()); };
  EXPECT_ERROR(Code::not_found, "nowhere", open_adapter_folder(folder.file("nowhere")));
  EXPECT_FALSE(is_adapter_folder(folder.path()));
  EXPECT_ERROR(Code::not_found, "no adapter_config.json", open());
  config("{\"peft_type\": \"LORA\"}");
  EXPECT_TRUE(is_adapter_folder(folder.path()));
  EXPECT_ERROR(Code::not_found, "no adapter_model.safetensors", open());
  write_bytes(folder.file("adapter_model.bin"), "x");
  EXPECT_ERROR(Code::unsupported, "adapter_model.bin is a pickle", open());

  weights(tensors());
  open();
  for (const char* text :
       {"", "[]", "null", "{}", R"({"peft_type":null})", R"({"peft_type":7})", R"({"peft_type":""})",
        R"({"peft_type":"LORA","peft_type":"IA3"})", R"({"peft_type":"LORA")", "{\"peft_type\":\"\xff\"}"}) {
    config(text);
    EXPECT_ERROR(Code::format, "adapter_config.json", open());
  }
  config(R"({"peft_type":"LORA","x":)" + std::string(100, '[') + std::string(100, ']') + "}");
  EXPECT_ERROR(Code::limit, "deeper", open());
  config("{\"peft_type\": \"LORA\"}");

  weights({});
  EXPECT_ERROR(Code::format, "holds no tensor", open());
  weights({{"a", DType::f32, Shape{0, 8}, nullptr}});
  EXPECT_ERROR(Code::format, "tensor 'a' is empty: [0, 8]", open());
  weights({{"a", DType::i64, Shape{1}, [](int64_t, std::span<std::byte>) {}}});
  EXPECT_ERROR(Code::unsupported, "element type I64", open());
  write_bytes(folder.file("adapter_model.safetensors"), "broken");
  EXPECT_ERROR(Code::format, "adapter_model.safetensors", open());
}

}  // namespace
}  // namespace peft
