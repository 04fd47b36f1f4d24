// LoRA as GGUF: what a reader makes of base and adapter files is the merged model's file.
#include "adapters/gguf.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "adapters/files.h"
#include "adapters/merge.h"
#include "formats/gguf.h"
#include "models/model.h"
#include "models/save.h"
#include "models/weights.h"
#include "support/expect_error.h"
#include "support/golden.h"
#include "support/temporary_folder.h"

namespace peft {
namespace {

class GgufAdapter : public testing::Test {
 protected:
  void open(const std::string& base, const std::string& name) {
    model = Model::load(test::data_path(base), *context);
    adapter =
        load_adapter("mine", test::data_path("adapters/" + name), model->transformer(), *context, "").adapter;
  }
  std::unique_ptr<GgufFile> save(DType dtype = DType::f32) {
    SaveGgufAdapterOptions options;
    options.architecture = model->family().gguf_architecture;
    options.target_of = [&](const Module& module) {
      const GgufWeight weight = gguf_weight_of(model->family(), model->transformer().spec(), module);
      return GgufTarget{weight.name, weight.interleaved_heads};
    };
    options.dtype = dtype;
    save_gguf_adapter(*adapter, model->transformer(), folder.file("adapter.gguf"), *context, options);
    return GgufFile::open(folder.file("adapter.gguf"));
  }
  static std::vector<float> values(const GgufFile& file, const std::string& name) {
    const TensorEntry& entry = file.at(name);
    EXPECT_EQ(entry.dtype, DType::f32) << name;
    std::vector<float> result(static_cast<size_t>(entry.shape.elements()));
    file.read(entry, std::as_writable_bytes(std::span(result)));
    return result;
  }

  std::unique_ptr<Context> context = test::test_context();
  test::TemporaryFolder folder;
  std::shared_ptr<Model> model;
  std::shared_ptr<Adapter> adapter;
};

// W' = W + alpha / r B A, by the names, shapes and the one alpha that llama.cpp reads, must be the weights
// that our merge writes as GGUF.
TEST_F(GgufAdapter, adds_up_to_the_merged_models_file) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"gguf_models/llama-F32.gguf", "llama_lora"},
      {"gguf_models/llama-F32.gguf", "llama_lora_rslora"},
      {"gguf_models/qwen2-F32.gguf", "qwen2_lora"},
      {"gguf_models/gpt2-F32.gguf", "gpt2_lora"},
      {"families/llama", "llama_lora_layers"},
      {"gguf_models/llama_rope_linear-F32.gguf", "plain_embedding"},
  };
  for (const auto& [base, name] : cases) {
    SCOPED_TRACE(base + " " + name);
    if (name == "plain_embedding") {
      model = Model::load(test::data_path(base), *context);
      const Json config = Json::parse(
          R"({"peft_type": "LORA", "r": 4, "lora_alpha": 6, "init_lora_weights": false, "rank_pattern": {"embed_tokens": 3},
              "target_modules": ["embed_tokens", "lm_head", "q_proj", "k_proj"]})");
      adapter = Adapter::create("new", plan_adapter({model->transformer(), config, "test", {}, false, 5}),
                                model->transformer(), *context, 5);
    } else {
      open(base, name);
    }
    const auto lora = save();
    EXPECT_EQ(lora->metadata().string("general.type"), "adapter");
    EXPECT_EQ(lora->metadata().string("adapter.type"), "lora");
    EXPECT_EQ(lora->metadata().string("general.architecture"), model->family().gguf_architecture);
    const double alpha = lora->metadata().number("adapter.lora.alpha", 0.1, 100);
    ASSERT_EQ(lora->entries().size(), adapter->plan().tensors().size());

    SaveOptions plain;
    plain.tokenizer = false;
    plain.dtype = DType::f32;
    save_gguf(*model, folder.file("base.gguf"), *context, plain);
    MergedWeights merged =
        MergedWeights::compute(model->transformer(), *adapter->snapshot(), *context, nullptr);
    merged.apply(model->transformer());
    save_gguf(*model, folder.file("merged.gguf"), *context, plain);
    const auto before = GgufFile::open(folder.file("base.gguf")),
               after = GgufFile::open(folder.file("merged.gguf"));
    size_t found = 0;
    for (const TensorEntry& entry : before->entries()) {
      std::vector<float> weight = values(*before, entry.name);
      if (lora->find(entry.name + ".lora_a")) {
        found += 2;
        const Shape a_shape = lora->at(entry.name + ".lora_a").shape,
                    b_shape = lora->at(entry.name + ".lora_b").shape;
        const auto a = values(*lora, entry.name + ".lora_a"), b = values(*lora, entry.name + ".lora_b");
        const int64_t rows = entry.shape[0], columns = entry.shape[1], rank = b_shape[1];
        const bool table = entry.name == "token_embd.weight";
        ASSERT_EQ(a_shape, table ? (Shape{rows, rank}) : (Shape{rank, columns})) << entry.name;
        ASSERT_EQ(b_shape[0], table ? columns : rows) << entry.name;
        for (int64_t i = 0; i < rows; ++i)
          for (int64_t j = 0; j < columns; ++j) {
            double update = 0;
            for (int64_t k = 0; k < rank; ++k)
              update += table ? static_cast<double>(a[static_cast<size_t>(i * rank + k)]) *
                                    b[static_cast<size_t>(j * rank + k)]
                              : static_cast<double>(b[static_cast<size_t>(i * rank + k)]) *
                                    a[static_cast<size_t>(k * columns + j)];
            weight[static_cast<size_t>(i * columns + j)] +=
                static_cast<float>(alpha / static_cast<double>(rank) * update);
          }
      }
      EXPECT_LE(test::largest_difference(weight, values(*after, entry.name)), 2e-6) << entry.name;
    }
    EXPECT_EQ(found, lora->entries().size());
  }
}

TEST_F(GgufAdapter, holds_the_values_as_they_are) {
  open("families/llama", "llama_lora_layers");
  const auto file = save();
  const auto& tensors = adapter->plan().tensors();
  const std::vector<Tensor> own = adapter->values();
  const auto value_of = [&](const std::string& key) {
    for (size_t i = 0; i < tensors.size(); ++i)
      if (tensors[i].key == "base_model.model.model.layers.1.self_attn." + key)
        return context->to_host(own[i]);
    return std::vector<float>();
  };
  EXPECT_EQ(values(*file, "blk.1.attn_output.weight.lora_a"), value_of("o_proj.lora_A.weight"));
  EXPECT_EQ(values(*file, "blk.1.attn_output.weight.lora_b"), value_of("o_proj.lora_B.weight"));
  EXPECT_EQ(values(*file, "blk.1.attn_q.weight.lora_a"), value_of("q_proj.lora_A.weight"));
  // 4 heads of 8: the file has rows 0, 4, 1, 5, 2, 6, 3, 7 of each.
  const std::vector<float> b = value_of("q_proj.lora_B.weight"),
                           stored = values(*file, "blk.1.attn_q.weight.lora_b");
  ASSERT_EQ(b.size(), stored.size());
  for (size_t row = 0; row < 32; ++row)
    for (size_t k = 0; k < 4; ++k)
      EXPECT_EQ(stored[row * 4 + k], b[(row / 8 * 8 + row % 8 / 2 + row % 2 * 4) * 4 + k]);

  EXPECT_EQ(save(DType::f16)->at("blk.1.attn_q.weight.lora_b").dtype, DType::f16);
  EXPECT_EQ(save(DType::bf16)->at("blk.1.attn_q.weight.lora_b").dtype, DType::bf16);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
}

TEST_F(GgufAdapter, refuses_what_has_no_place) {
  const std::vector<std::tuple<std::string, std::string, std::string>> cases = {
      {"llama", "llama_ia3", "holds LoRA adapters, not IA3"},
      {"llama", "llama_prompt", "not PROMPT_TUNING"},
      {"llama", "llama_lora_norm", "layers.0.input_layernorm.weight' (modules_to_save"},
      {"qwen2", "qwen2_lora_bias", "q_proj.base_layer.bias' (modules_to_save or a trained bias)"},
      {"llama", "llama_lora_patterns", "one alpha for all modules"},
      {"llama", "llama_lora_embedding", "'model.embed_tokens': the model's head is its embedding"},
      {"llama", "llama_lora_adapted_head", "'lm_head': the model's head is its embedding"},
      {"gpt2", "gpt2_lora_embedding", "embed"},
      {"llama_rope_linear", "linear_lora_embedding",
       "one alpha for all modules"},  // alpha / sqrt(r), two ranks
  };
  for (const auto& [base, name, message] : cases) {
    SCOPED_TRACE(name);
    open("families/" + base, name);
    EXPECT_ERROR(Code::unsupported, message, save());
  }
  open("families/llama", "llama_lora");
  context->backend().fill(adapter->values()[0].view(), 1e6f);
  context->backend().synchronize();
  EXPECT_ERROR(Code::numeric, "lora_a' holds a value that is not finite as f16", save(DType::f16));
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

}  // namespace
}  // namespace peft
