// Prompt tuning (Lester et al. 2021): trained embeddings before every row. Configuration, key and defaults as
// PEFT's PromptTuningConfig and tuners/prompt_tuning/model.py.
#include "adapters/methods/prompt_tuning.h"

#include "adapters/base_copies.h"
#include "adapters/config_keys.h"
#include "base/error.h"
#include "base/random.h"

namespace peft {
namespace {

constexpr ConfigKey keys[] = {
    {"modules_to_save", "null", false},
    {"num_attention_heads", "null", true},
    {"num_layers", "null", true},
    {"num_transformer_submodules", "null", true},
    {"num_virtual_tokens", "null", true},
    {"prompt_tuning_init", "\"RANDOM\"", true},
    {"prompt_tuning_init_text", "null", true},
    {"token_dim", "null", true},
    {"tokenizer_kwargs", "null", false},
    {"tokenizer_name_or_path", "null", true},
};

class PromptTable final : public CopyTable, public PromptHook {
 public:
  PromptTable(const Plan& plan, std::span<const Tensor> buffers)
      : CopyTable(plan, {}, buffers), prompt_(buffers[0]) {}
  const PromptHook* prompt() const override { return this; }
  int32_t length() const override { return static_cast<int32_t>(prompt_.rows()); }
  Tensor embeddings(Pass&) const override { return prompt_; }

 private:
  Tensor prompt_;  // [virtual tokens, width]
};

class PromptTuningPlan final : public Plan {
 public:
  explicit PromptTuningPlan(const PlanInput& input) {
    const JsonFields config(input.config, input.what);
    check_config_keys(config, keys);
    const ModelSpec& spec = input.model.spec();
    const int64_t tokens = config.integer("num_virtual_tokens", 1, 1 << 16);
    expect(config, "token_dim", spec.width);
    expect(config, "num_layers", spec.decoder.layers);
    expect(config, "num_transformer_submodules", 1);
    PlannedTensor prompt;
    prompt.key = "prompt_embeddings";
    prompt.shape = {tokens, spec.width};
    choose_start(input, config, prompt);
    add_tensor(std::move(prompt));

    Json values = input.config;
    values.erase("runtime_config");
    values["token_dim"] = spec.width;
    values["num_layers"] = spec.decoder.layers;
    values["num_attention_heads"] = attention_heads(spec);
    values["num_transformer_submodules"] = 1;
    config_ = complete_config("PROMPT_TUNING", keys, values);
  }

  std::string_view peft_type() const override { return "PROMPT_TUNING"; }
  Json config() const override { return config_; }
  std::vector<std::string> target_paths() const override { return {}; }
  std::shared_ptr<const HookTable> hooks(std::span<const Tensor> buffers, float scale) const override {
    check(scale == 1.0f, Code::unsupported, "prompt tuning has no strength of its own; scale {} is not 1",
          scale);
    PEFT_ASSERT(buffers.size() == 1);
    return std::make_shared<PromptTable>(*this, buffers);
  }

 private:
  static void expect(const JsonFields& config, const char* key, int64_t value) {
    if (!config.has(key)) return;
    const int64_t found = config.integer(key, 0, INT64_MAX);
    check(found == value, Code::mismatch, "{}: {}: the model has {}, the adapter {}", config.what(), key,
          value, found);
  }

  // RANDOM: N(0, 1) as torch.nn.Embedding; SAMPLE_VOCAB: random rows of the table; TEXT: its tokens, cut or
  // repeated.
  static void choose_start(const PlanInput& input, const JsonFields& config, PlannedTensor& prompt) {
    const std::string init = config.string_or("prompt_tuning_init", "RANDOM");
    prompt.start = Start::normal;
    prompt.bound = 1.0f;
    if (init == "RANDOM" || input.for_loading) {
      check(init == "RANDOM" || init == "TEXT" || init == "SAMPLE_VOCAB", Code::format,
            "{}: prompt_tuning_init '{}' is unknown", input.what, init);
      return;
    }
    prompt.start = Start::rows;
    const Layout& layout = input.model.layout();
    prompt.source = layout.modules[static_cast<size_t>(layout.module("embedding"))].weight;
    const auto tokens = static_cast<size_t>(prompt.shape[0]);
    if (init == "SAMPLE_VOCAB") {
      RandomStream random(input.seed, /*stream=*/0x70726f6d7074);
      for (size_t i = 0; i < tokens; ++i)
        prompt.source_rows.push_back(
            static_cast<int32_t>(random.below(static_cast<uint32_t>(input.model.spec().vocabulary))));
      return;
    }
    check(init == "TEXT", Code::format, "{}: prompt_tuning_init '{}' is unknown (RANDOM, TEXT, SAMPLE_VOCAB)",
          input.what, init);
    const std::string text = config.string("prompt_tuning_init_text");
    check(static_cast<bool>(input.encode), Code::state,
          "{}: prompt_tuning_init TEXT needs the model's tokenizer", input.what);
    const std::vector<int32_t> ids = input.encode(text);
    check(!ids.empty(), Code::invalid_argument, "{}: prompt_tuning_init_text has no tokens", input.what);
    for (size_t i = 0; i < tokens; ++i) prompt.source_rows.push_back(ids[i % ids.size()]);
  }

  static int32_t attention_heads(const ModelSpec& spec) {
    for (const SublayerSpec& sublayer : spec.decoder.sublayers)
      for (const BodySpec& body : sublayer.bodies)
        if (const auto* attention = std::get_if<AttentionSpec>(&body)) return attention->heads;
    return 0;
  }

  Json config_;
};

}  // namespace

std::unique_ptr<Plan> plan_prompt_tuning(const PlanInput& input) {
  return std::make_unique<PromptTuningPlan>(input);
}

}  // namespace peft
