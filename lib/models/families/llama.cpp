// Llama 2 and 3, SmolLM2, TinyLlama. Source: Transformers, models/llama/configuration_llama.py and modeling_llama.py.
#include "base/error.h"
#include "models/config_fields.h"
#include "models/families/decoder_names.h"
#include "models/families/families.h"

namespace peft {
namespace {

ModelSpec spec_of(const JsonFields& config) {
  ModelSpec spec = decoder_spec(config, {});
  AttentionSpec& attention = attention_of(spec);
  attention.qkv_bias = attention.output_bias = config.boolean_or("attention_bias", false);
  feed_forward_of(spec).bias = config.boolean_or("mlp_bias", false);
  return spec;
}

Json config_from_gguf(const GgufMetadata& metadata) {
  check(metadata.integer_or("llama.expert_count", 0, 0, 1 << 16) == 0, Code::unsupported,
        "llama.expert_count: mixtures of experts are not supported");
  return decoder_config_from_gguf(metadata, "llama", "LlamaForCausalLM");
}

void config_to_gguf(const ModelSpec& spec, GgufMetadata& metadata) { decoder_config_to_gguf(spec, "llama", metadata); }

}  // namespace

const Family llama_family = {"llama",         "LlamaForCausalLM", "llama",         "model.",
                             spec_of,         config_from_gguf,   config_to_gguf, decoder_names<true>};

}  // namespace peft
