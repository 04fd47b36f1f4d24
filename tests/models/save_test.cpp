// What is written is read again as the same model; files that are not the model they say are refused by name.
#include "models/save.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "formats/output_tensor.h"
#include "formats/safetensors.h"
#include "formats/safetensors_writer.h"
#include "generate/score.h"
#include "models/model.h"
#include "support/expect_error.h"
#include "support/golden.h"
#include "support/temporary_folder.h"

namespace peft {
namespace {

const std::vector<int32_t> ids = {53, 4, 76, 0, 4, 38, 86, 43, 20, 72, 95, 4, 29, 82, 78, 60, 13, 88, 26, 61};

std::vector<float> logits_of(const Model& model, Context& context) {
  Workspace workspace(context);
  return token_logits(model.transformer(), workspace, ids, {}, 0, static_cast<int64_t>(ids.size()));
}

class RoundTrip : public testing::TestWithParam<std::string> {};

TEST_P(RoundTrip, folder_gives_the_same_logits) {
  const auto context = test::test_context();
  const auto model = Model::load(test::data_path("families/" + GetParam()), *context);
  const test::TemporaryFolder folder;
  SaveOptions options;
  save_folder(*model, folder.file("model"), *context, options);
  EXPECT_EQ(logits_of(*Model::load(folder.file("model"), *context), *context), logits_of(*model, *context));
  options.shard_bytes = 20'000;
  save_folder(*model, folder.file("model"), *context, options);
  EXPECT_TRUE(path_exists(folder.file("model/model.safetensors.index.json")));
  EXPECT_EQ(logits_of(*Model::load(folder.file("model"), *context), *context), logits_of(*model, *context));
  // Over itself.
  const auto again = Model::load(folder.file("model"), *context);
  save_folder(*again, folder.file("model"), *context, {});
  EXPECT_EQ(logits_of(*Model::load(folder.file("model"), *context), *context), logits_of(*model, *context));
}

TEST(SaveFolder, replaces_its_own_files_alone) {
  const auto context = test::test_context();
  const auto model = Model::load(test::data_path("families/llama"), *context);
  const test::TemporaryFolder folder;
  SaveOptions options;
  options.shard_bytes = 20'000;
  save_folder(*model, folder.file("model"), *context, options);
  write_text_file(folder.file("model/README.md"), "my notes");
  write_text_file(folder.file("model/tokenizer.model"), "of another tokenizer");
  save_folder(*model, folder.file("model"), *context, {});
  EXPECT_EQ(read_text_file(folder.file("model/README.md"), 100), "my notes");
  EXPECT_FALSE(path_exists(folder.file("model/tokenizer.model")));
  EXPECT_FALSE(path_exists(folder.file("model/model.safetensors.index.json")));
  EXPECT_EQ(logits_of(*Model::load(folder.file("model"), *context), *context), logits_of(*model, *context));
  // Somebody's own folder: no config.json, or folders inside.
  for (const char* name : {"documents/letter.txt", "model/more/letter.txt"}) {
    std::filesystem::create_directories(std::filesystem::path(folder.file(name)).parent_path());
    write_text_file(folder.file(name), "dear");
    EXPECT_ERROR(Code::refused, "name a new folder",
                 save_folder(*model, folder.file(std::string(name).substr(0, std::string(name).find('/'))),
                             *context, {}));
    EXPECT_EQ(read_text_file(folder.file(name), 100), "dear");
  }
}

// The way to GGUF turns a Conv1D round, square ones too, and interleaves rotated heads.
TEST_P(RoundTrip, gguf_of_a_folder_gives_the_same_logits) {
  const auto context = test::test_context();
  const auto model = Model::load(test::data_path("families/" + GetParam()), *context);
  const test::TemporaryFolder folder;
  SaveOptions options;
  options.tokenizer = false;
  if (GetParam() == "mistral") {  // its GGUF architecture has no window
    EXPECT_ERROR(Code::unsupported, "sliding window",
                 save_gguf(*model, folder.file("model.gguf"), *context, options));
    return;
  }
  save_gguf(*model, folder.file("model.gguf"), *context, options);
  const auto found = Model::load(folder.file("model.gguf"), *context);
  EXPECT_LE(test::largest_difference(logits_of(*found, *context), logits_of(*model, *context)), 1e-5);
}

INSTANTIATE_TEST_SUITE_P(Families, RoundTrip,
                         testing::Values("llama", "llama_rope_llama3", "llama_rope_linear", "qwen2",
                                         "qwen2_bfloat16", "qwen3", "mistral", "gpt2"));

class GgufRoundTrip : public testing::TestWithParam<std::string> {};

TEST_P(GgufRoundTrip, file_gives_the_same_logits) {
  const auto context = test::test_context();
  const auto model = Model::load(test::data_path("gguf_models/" + GetParam()), *context);
  const test::TemporaryFolder folder;
  save_gguf(*model, folder.file("model.gguf"), *context, {});
  const auto found = Model::load(folder.file("model.gguf"), *context);
  EXPECT_LE(test::largest_difference(logits_of(*found, *context), logits_of(*model, *context)), 1e-5);
  save_folder(*model, folder.file("model"), *context, [] {
    SaveOptions options;
    options.dtype = DType::f32;
    return options;
  }());
  const auto folder_model = Model::load(folder.file("model"), *context);
  EXPECT_LE(test::largest_difference(logits_of(*folder_model, *context), logits_of(*model, *context)), 1e-5);
}

INSTANTIATE_TEST_SUITE_P(Files, GgufRoundTrip,
                         testing::Values("llama-F32.gguf", "llama-F16.gguf", "llama-Q8_0.gguf",
                                         "llama_rope_linear-F32.gguf", "llama_rope_llama3-F32.gguf",
                                         "mistral-F32.gguf", "qwen2-F32.gguf", "qwen3-F32.gguf",
                                         "gpt2-F32.gguf"),
                         [](const auto& each) {
                           std::string name = each.param.substr(0, each.param.find('.'));
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

class Refusal : public testing::Test {
 protected:
  // A copy of the tiny Llama whose tensors `change` may rename, reshape (same size) or drop; "" adds a
  // surplus one.
  std::string with_tensors(const std::function<bool(OutputTensor&)>& change, bool surplus = false) {
    const std::string path = folder.file("model-" + std::to_string(++count));
    std::filesystem::copy(test::data_path("families/llama"), path, std::filesystem::copy_options::recursive);
    const auto file = SafetensorsFile::open(test::data_path("families/llama/model.safetensors"));
    std::vector<OutputTensor> outputs;
    for (const TensorEntry& entry : file->entries()) {
      OutputTensor output;
      output.name = entry.name;
      output.dtype = entry.dtype;
      output.shape = entry.shape;
      output.read = [](int64_t, std::span<std::byte> out) {
        std::fill(out.begin(), out.end(), std::byte{0});
      };
      if (change(output)) outputs.push_back(std::move(output));
    }
    if (surplus) {
      outputs.push_back(outputs.front());
      outputs.back().name = "model.layers.0.extra.weight";
    }
    write_safetensors(join_path(path, "model.safetensors"), outputs);
    return path;
  }
  // The same with one key of config.json changed.
  std::string with_config(const std::string& key, const Json& value) {
    const std::string path = folder.file("config-" + std::to_string(++count));
    std::filesystem::copy(test::data_path("families/llama"), path, std::filesystem::copy_options::recursive);
    Json config = parse_json(read_text_file(join_path(path, "config.json"), 1 << 20), "config.json");
    config[key] = value;
    std::ofstream(join_path(path, "config.json")) << config.dump();
    return path;
  }
  test::TemporaryFolder folder;
  std::unique_ptr<Context> context = test::test_context();
  int count = 0;
};

TEST_F(Refusal, names_missing_surplus_and_misshapen_tensors) {
  const std::string name = "model.layers.1.mlp.up_proj.weight";
  EXPECT_NO_THROW(Model::load(with_tensors([](OutputTensor&) { return true; }), *context));
  const auto load = [&](const std::string& path) { return Model::load(path, *context); };
  EXPECT_ERROR(Code::mismatch, name,
               load(with_tensors([&](OutputTensor& each) { return each.name != name; })));
  EXPECT_ERROR(Code::mismatch, "model.layers.0.extra.weight",
               load(with_tensors([](OutputTensor&) { return true; }, true)));
  EXPECT_ERROR(Code::mismatch, name, load(with_tensors([&](OutputTensor& each) {
                 if (each.name == name) each.shape = {each.shape[1], each.shape[0]};
                 return true;
               })));
}

TEST_F(Refusal, of_configurations_out_of_range_or_not_understood) {
  const auto rejects = [&](const std::string& key, const Json& value, const std::string& part) {
    try {
      Model::load(with_config(key, value), *context);
      ADD_FAILURE() << key << " " << value.dump() << " was taken";
    } catch (const Error& error) {
      EXPECT_NE(error.code(), Code::internal) << error.what();
      EXPECT_THAT(error.what(), testing::HasSubstr(part));
    }
  };
  for (const char* key : {"num_attention_heads", "num_hidden_layers", "hidden_size", "vocab_size",
                          "num_key_value_heads", "intermediate_size", "max_position_embeddings"}) {
    rejects(key, 0, key);
    rejects(key, -1, key);
    rejects(key, "many", key);
    rejects(key, 1.5, key);
    rejects(key, int64_t{1} << 40, key);
  }
  rejects("num_attention_heads", 3, "");
  rejects("num_key_value_heads", 3, "");
  rejects("hidden_act", "swoosh", "swoosh");
  rejects("model_type", "unheard", "unheard");
  rejects("rms_norm_eps", -1, "rms_norm_eps");
  rejects("num_hidden_layers", 3, "model.layers.2");
}

}  // namespace
}  // namespace peft
