// Readers for the parts of config.json and of GGUF metadata that families share.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "formats/gguf_metadata.h"
#include "nn/spec.h"

namespace peft {

inline constexpr int64_t maximum_layers = 4096;
inline constexpr int64_t maximum_width = 1 << 20;
inline constexpr int64_t maximum_vocabulary = 1 << 24;

// "silu", "gelu_new", ... as Transformers' ACT2FN names them.
UnaryKind activation_of(const JsonFields& config, std::string_view key, const std::string& fallback);

// rope_parameters (new spelling) or rope_theta + rope_scaling (old). Types other than default, linear and llama3 are
// Code::unsupported.
RopeSpec rope_of(const JsonFields& config, double default_base, int32_t rotary_dim);

// Width, heads and so on of the Llama-like families; `defaults` are those of the family's Transformers config class.
struct DecoderDefaults {
  double rms_norm_eps = 1e-6;
  double rope_base = 10000.0;
  int64_t head_dim = 0;  // 0: hidden_size / num_attention_heads
  int64_t kv_heads = 0;  // 0: num_attention_heads
  bool tied = false;
};
// A pre-norm decoder with rms norms, rope and a gated feed-forward: Llama and its relatives. Biases and windows are left to
// the family.
ModelSpec decoder_spec(const JsonFields& config, const DecoderDefaults& defaults);

// Per-layer windows of Qwen: use_sliding_window, sliding_window, layer_types or max_window_layers.
std::vector<int32_t> qwen_windows(const JsonFields& config, int32_t layers);

// The config.json fields that every Llama-like GGUF architecture has, read under "<architecture>.".
Json decoder_config_from_gguf(const GgufMetadata& metadata, std::string_view model_type, std::string_view architecture);
void decoder_config_to_gguf(const ModelSpec& spec, std::string_view architecture, GgufMetadata& metadata);

AttentionSpec& attention_of(ModelSpec& spec);
const AttentionSpec& attention_of(const ModelSpec& spec);
FeedForwardSpec& feed_forward_of(ModelSpec& spec);
const FeedForwardSpec& feed_forward_of(const ModelSpec& spec);

}  // namespace peft
