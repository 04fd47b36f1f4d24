// What a 70B model would take of a GPU, from its headers alone: a folder of Llama 3's shape whose numbers are a hole in the
// file. Figures that architecture and arithmetic give without running anything are what the estimate is held against.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <string>

#include "peft/peft.h"
#include "support/temporary_folder.h"

namespace peft {
namespace {

constexpr int64_t width = 8192, hidden = 28672, layers = 80, heads = 64, key_heads = 8, vocabulary = 128256, rank = 16,
                  tokens = 2048;
constexpr int64_t key_width = width / heads * key_heads;

// Writes the header of a tensor and counts where its numbers would be.
class Header {
 public:
  void add(const std::string& name, int64_t rows, int64_t columns = 0) {
    const int64_t bytes = 2 * rows * (columns > 0 ? columns : 1);
    const std::string shape = columns > 0 ? std::to_string(rows) + "," + std::to_string(columns) : std::to_string(rows);
    text_ += (text_.empty() ? "{\"" : ",\"") + name + R"(":{"dtype":"BF16","shape":[)" + shape + R"(],"data_offsets":[)" +
             std::to_string(end_) + "," + std::to_string(end_ + bytes) + "]}";
    end_ += bytes;
  }
  void write(const std::string& path) {
    text_ += '}';
    while (text_.size() % 8 != 0) text_ += ' ';
    const uint64_t length = text_.size();
    std::ofstream out(path, std::ios::binary);
    out.write(reinterpret_cast<const char*>(&length), sizeof length);
    out << text_;
    out.close();
    ASSERT_EQ(truncate(path.c_str(), static_cast<off_t>(sizeof length + length) + end_), 0)
        << "no file with a hole of " << end_ << " bytes can be made here";
  }

 private:
  std::string text_;
  int64_t end_ = 0;
};

void write_llama3_70b(const std::string& folder) {
  Header header;
  header.add("model.embed_tokens.weight", vocabulary, width);
  for (int64_t layer = 0; layer < layers; ++layer) {
    const std::string at = "model.layers." + std::to_string(layer) + ".";
    header.add(at + "input_layernorm.weight", width);
    header.add(at + "post_attention_layernorm.weight", width);
    header.add(at + "self_attn.q_proj.weight", width, width);
    header.add(at + "self_attn.k_proj.weight", key_width, width);
    header.add(at + "self_attn.v_proj.weight", key_width, width);
    header.add(at + "self_attn.o_proj.weight", width, width);
    header.add(at + "mlp.gate_proj.weight", hidden, width);
    header.add(at + "mlp.up_proj.weight", hidden, width);
    header.add(at + "mlp.down_proj.weight", width, hidden);
  }
  header.add("model.norm.weight", width);
  header.add("lm_head.weight", vocabulary, width);
  header.write(folder + "/model.safetensors");
  std::ofstream(folder + "/config.json")
      << R"({"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu", "hidden_size": 8192,
             "intermediate_size": 28672, "num_hidden_layers": 80, "num_attention_heads": 64, "num_key_value_heads": 8,
             "vocab_size": 128256, "max_position_embeddings": 8192, "rms_norm_eps": 1e-05, "rope_theta": 500000.0,
             "tie_word_embeddings": false})";
}

class LargeModel : public testing::Test {
 protected:
  static void SetUpTestSuite() { setenv("LIBPEFT_CUDA", PEFT_EMULATED_MODULE, 1); }
  void SetUp() override {
    ASSERT_GE(peft_context_create(nullptr, &context_), 0);
    write_llama3_70b(folder_.path());
  }
  void TearDown() override { peft_context_free(context_); }

  // QLoRA on all linear layers, one row.
  peft_estimate_result estimate(peft_placement optimizer, peft_placement embedding) {
    peft_quantize_options quantize;
    peft_quantize_options_init(&quantize, sizeof quantize);
    peft_model_options model;
    peft_model_options_init(&model, sizeof model);
    model.device = "cuda:0";
    model.quantize_nf4 = &quantize;
    model.embedding_placement = embedding;
    peft_lora_config lora;
    peft_lora_config_init(&lora, sizeof lora);
    lora.r = rank;
    lora.target_modules = "all-linear";
    peft_trainer_options trainer;
    peft_trainer_options_init(&trainer, sizeof trainer);
    trainer.batch_size = 1;
    trainer.compute_dtype = PEFT_DTYPE_BFLOAT16;
    trainer.activation_checkpointing = PEFT_ACTIVATION_OFFLOAD;
    trainer.optimizer_placement = optimizer;
    peft_estimate_options options;
    peft_estimate_options_init(&options, sizeof options);
    options.model_options = &model;
    options.lora_config = &lora;
    options.trainer_options = &trainer;
    options.sequence_length = tokens;
    peft_estimate_result result{};
    result.struct_size = sizeof result;
    const peft_status status = peft_estimate(context_, folder_.path().c_str(), &options, &result);
    char text[512] = {};
    peft_last_error(text, sizeof text, nullptr);
    EXPECT_GE(status, 0) << text;
    return result;
  }

  test::TemporaryFolder folder_;
  peft_context* context_ = nullptr;
};

TEST_F(LargeModel, Qlora70BFitsBelow41Gigabytes) {
  // 4 bits a weight, 8 for the maximum of 64 of them, and 32 for that of 256 maxima.
  const int64_t linear = layers * (2 * width * width + 2 * key_width * width + 3 * hidden * width);
  const double quantized = static_cast<double>(linear) * (4 + 8.0 / 64 + 32.0 / (64 * 256)) / 8;
  const int64_t table = 2 * vocabulary * width, norms = 4 * (2 * layers + 1) * width;
  const int64_t trained =
      layers * rank * (4 * width + 2 * (width + key_width) + 3 * (hidden + width));  // q and o, k and v, the rest
  const int64_t layer_inputs = 2 * layers * tokens * width;                          // bf16

  const peft_estimate_result usual = estimate(PEFT_PLACEMENT_DEVICE, PEFT_PLACEMENT_DEVICE),
                             least = estimate(PEFT_PLACEMENT_HOST, PEFT_PLACEMENT_HOST);
  EXPECT_EQ(usual.trainable_elements, trained);
  EXPECT_NEAR(static_cast<double>(usual.weight_bytes), quantized + 2.0 * static_cast<double>(table) + norms, 1e6);
  EXPECT_EQ(usual.weight_bytes - least.weight_bytes, table);
  EXPECT_NEAR(static_cast<double>(usual.host_bytes), layer_inputs, 0.01 * layer_inputs);
  EXPECT_EQ(least.host_bytes - usual.host_bytes, table + usual.optimizer_bytes);
  EXPECT_NEAR(static_cast<double>(usual.optimizer_bytes), 8.0 * static_cast<double>(trained), 1e6);
  EXPECT_NEAR(static_cast<double>(usual.peak_bytes - least.peak_bytes), static_cast<double>(table) + 8.0 * trained, 1e8);
  EXPECT_LT(least.peak_bytes, 41'000'000'000);
  // Never the model as it is stored, which is 141 GB.
  EXPECT_LT(least.loading_bytes, 2'000'000'000);
}

}  // namespace
}  // namespace peft
