// Qwen 3: a norm over every head of q and k. Source: Transformers, models/qwen3/configuration_qwen3.py, modeling_qwen3.py.
#include "models/config_fields.h"
#include "models/families/decoder_names.h"
#include "models/families/families.h"

namespace peft {
namespace {

ModelSpec spec_of(const JsonFields& config) {
  DecoderDefaults defaults;
  defaults.head_dim = 128;
  defaults.kv_heads = 32;
  ModelSpec spec = decoder_spec(config, defaults);
  AttentionSpec& attention = attention_of(spec);
  attention.head_norm = spec.decoder.final_norm;
  attention.qkv_bias = attention.output_bias = config.boolean_or("attention_bias", false);
  spec.decoder.windows = qwen_windows(config, spec.decoder.layers);
  return spec;
}

Json config_from_gguf(const GgufMetadata& metadata) {
  return decoder_config_from_gguf(metadata, "qwen3", "Qwen3ForCausalLM");
}

void config_to_gguf(const ModelSpec& spec, GgufMetadata& metadata) { decoder_config_to_gguf(spec, "qwen3", metadata); }

}  // namespace

const Family qwen3_family = {"qwen3", "Qwen3ForCausalLM", "qwen3",        "model.",
                             spec_of, config_from_gguf,   config_to_gguf, decoder_names<false>};

}  // namespace peft
