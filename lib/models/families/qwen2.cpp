// Qwen 2 and 2.5: biases on q, k and v. Source: Transformers, models/qwen2/configuration_qwen2.py and modeling_qwen2.py.
#include "models/config_fields.h"
#include "models/families/decoder_names.h"
#include "models/families/families.h"

namespace peft {
namespace {

ModelSpec spec_of(const JsonFields& config) {
  DecoderDefaults defaults;
  defaults.kv_heads = 32;
  ModelSpec spec = decoder_spec(config, defaults);
  attention_of(spec).qkv_bias = true;
  spec.decoder.windows = qwen_windows(config, spec.decoder.layers);
  return spec;
}

Json config_from_gguf(const GgufMetadata& metadata) {
  return decoder_config_from_gguf(metadata, "qwen2", "Qwen2ForCausalLM");
}

void config_to_gguf(const ModelSpec& spec, GgufMetadata& metadata) { decoder_config_to_gguf(spec, "qwen2", metadata); }

}  // namespace

const Family qwen2_family = {"qwen2", "Qwen2ForCausalLM", "qwen2",        "model.",
                             spec_of, config_from_gguf,   config_to_gguf, decoder_names<false>};

}  // namespace peft
