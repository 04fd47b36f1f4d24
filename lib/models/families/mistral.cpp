// Mistral 7B and relatives: Llama with a sliding window. GGUF files of Mistral say "llama" and have no window.
// Source: Transformers, models/mistral/configuration_mistral.py and modeling_mistral.py.
#include "base/error.h"
#include "models/config_fields.h"
#include "models/families/decoder_names.h"
#include "models/families/families.h"

namespace peft {
namespace {

ModelSpec spec_of(const JsonFields& config) {
  DecoderDefaults defaults;
  defaults.kv_heads = 8;
  ModelSpec spec = decoder_spec(config, defaults);
  // An absent sliding_window is the class's default, an explicit null means full attention.
  const bool named = config.object().contains("sliding_window");
  if (!named || config.has("sliding_window")) {
    const int64_t window = config.integer_or("sliding_window", 4096, 1, 1 << 30);
    spec.decoder.windows.assign(static_cast<size_t>(spec.decoder.layers), static_cast<int32_t>(window));
  }
  return spec;
}

Json config_from_gguf(const GgufMetadata& metadata) {
  return decoder_config_from_gguf(metadata, "mistral", "MistralForCausalLM");
}

void config_to_gguf(const ModelSpec& spec, GgufMetadata& metadata) {
  check(spec.decoder.windows.empty(), Code::unsupported,
        "GGUF's architecture llama, which holds Mistral models, has no sliding window; this model has one of {}",
        spec.decoder.windows.front());
  decoder_config_to_gguf(spec, "llama", metadata);
  metadata.set("general.architecture", GgufValue::of_string("llama"));
}

}  // namespace

const Family mistral_family = {"mistral", "MistralForCausalLM", "llama",        "model.",
                               spec_of,   config_from_gguf,     config_to_gguf, decoder_names<true>};

}  // namespace peft
