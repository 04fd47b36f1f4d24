#include "models/config_fields.h"

#include <cmath>
#include <limits>

#include "base/checked.h"
#include "base/error.h"

namespace peft {

UnaryKind activation_of(const JsonFields& config, std::string_view key, const std::string& fallback) {
  const std::string name = config.string_or(key, fallback);
  if (name == "silu" || name == "swish") return UnaryKind::silu;
  if (name == "gelu") return UnaryKind::gelu;
  if (name == "gelu_new" || name == "gelu_pytorch_tanh" || name == "gelu_fast") return UnaryKind::gelu_tanh;
  if (name == "relu") return UnaryKind::relu;
  fail(Code::unsupported, "{}: {} '{}' is not supported (silu, gelu, gelu_new, gelu_pytorch_tanh, relu)", config.what(), key,
       name);
}

RopeSpec rope_of(const JsonFields& config, double default_base, int32_t rotary_dim) {
  constexpr double tiny = 1e-6, huge = 1e12;
  RopeSpec rope;
  rope.rotary_dim = rotary_dim;
  const Json* parameters = config.find("rope_parameters");
  const Json* scaling = parameters ? parameters : config.find("rope_scaling");
  const Json empty = Json::object();
  const JsonFields fields(scaling ? *scaling : empty,
                          config.what() + (parameters ? ": rope_parameters" : ": rope_scaling"));
  const double outer = config.number_or("rope_theta", default_base, tiny, huge);
  rope.base = fields.number_or("rope_theta", outer, tiny, huge);
  const double partial = fields.number_or("partial_rotary_factor", config.number_or("partial_rotary_factor", 1.0, 0, 1), 0, 1);
  check(partial == 1.0, Code::unsupported, "{}: partial_rotary_factor {} is not supported", config.what(), partial);
  const std::string type = fields.string_or("rope_type", fields.string_or("type", "default"));
  if (type == "default") return rope;
  rope.factor = fields.number("factor", tiny, huge);
  if (type == "linear") {
    rope.scaling = RopeScaling::linear;
  } else if (type == "llama3") {
    rope.scaling = RopeScaling::llama3;
    rope.low_frequency_factor = fields.number("low_freq_factor", tiny, huge);
    rope.high_frequency_factor = fields.number("high_freq_factor", tiny, huge);
    rope.original_context = fields.integer("original_max_position_embeddings", 1, 1 << 30);
    check(rope.high_frequency_factor > rope.low_frequency_factor, Code::format,
          "{}: high_freq_factor {} must exceed low_freq_factor {}", fields.what(), rope.high_frequency_factor,
          rope.low_frequency_factor);
  } else {
    fail(Code::unsupported, "{}: rope type '{}' is not supported (default, linear, llama3)", fields.what(), type);
  }
  return rope;
}

ModelSpec decoder_spec(const JsonFields& config, const DecoderDefaults& defaults) {
  ModelSpec spec;
  spec.family = config.string("model_type");
  spec.vocabulary = config.integer("vocab_size", 1, maximum_vocabulary);
  spec.width = config.integer("hidden_size", 1, maximum_width);
  spec.context_length = config.integer_or("max_position_embeddings", 2048, 1, 1 << 30);
  spec.tied_head = config.boolean_or("tie_word_embeddings", defaults.tied);

  AttentionSpec attention;
  const int64_t heads = config.integer("num_attention_heads", 1, maximum_width);
  const int64_t kv_heads =
      config.integer_or("num_key_value_heads", defaults.kv_heads ? defaults.kv_heads : heads, 1, maximum_width);
  check(heads % kv_heads == 0, Code::format, "{}: num_attention_heads {} is no multiple of num_key_value_heads {}",
        config.what(), heads, kv_heads);
  int64_t head_dim = defaults.head_dim;
  if (config.has("head_dim")) {
    head_dim = config.integer("head_dim", 1, 4096);
  } else if (head_dim == 0) {
    check(spec.width % heads == 0, Code::format, "{}: hidden_size {} is no multiple of num_attention_heads {}",
          config.what(), spec.width, heads);
    head_dim = spec.width / heads;
  }
  check(head_dim % 2 == 0 && head_dim <= 4096, Code::format, "{}: head size {} must be even and at most 4096", config.what(),
        head_dim);
  attention.heads = static_cast<int32_t>(heads);
  attention.kv_heads = static_cast<int32_t>(kv_heads);
  attention.head_dim = static_cast<int32_t>(head_dim);
  attention.scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(head_dim)));
  attention.rope = rope_of(config, defaults.rope_base, attention.head_dim);

  FeedForwardSpec feed_forward;
  feed_forward.hidden = config.integer("intermediate_size", 1, maximum_width);
  feed_forward.gated = true;
  feed_forward.activation = activation_of(config, "hidden_act", "silu");

  const NormSpec norm{NormKind::rms, static_cast<float>(config.number_or("rms_norm_eps", defaults.rms_norm_eps, 0, 1))};
  spec.decoder.layers = static_cast<int32_t>(config.integer("num_hidden_layers", 1, maximum_layers));
  spec.decoder.sublayers = {{norm, {attention}, {}, {}}, {norm, {feed_forward}, {}, {}}};
  spec.decoder.final_norm = norm;
  return spec;
}

std::vector<int32_t> qwen_windows(const JsonFields& config, int32_t layers) {
  if (!config.boolean_or("use_sliding_window", false) || !config.has("sliding_window")) return {};
  const auto window = static_cast<int32_t>(config.integer("sliding_window", 1, 1 << 30));
  std::vector<int32_t> windows(static_cast<size_t>(layers), 0);
  if (const auto types = config.strings("layer_types")) {
    check(types->size() == windows.size(), Code::format, "{}: layer_types has {} entries for {} layers", config.what(),
          types->size(), layers);
    for (size_t i = 0; i < windows.size(); ++i) windows[i] = (*types)[i] == "sliding_attention" ? window : 0;
  } else {
    const int64_t first = config.integer_or("max_window_layers", 28, 0, maximum_layers);
    for (size_t i = 0; i < windows.size(); ++i) windows[i] = static_cast<int64_t>(i) >= first ? window : 0;
  }
  return windows;
}

namespace {

template <typename Spec, typename Model>
auto& body_of(Model& spec) {
  for (auto& sublayer : spec.decoder.sublayers)
    for (auto& body : sublayer.bodies)
      if (auto* found = std::get_if<Spec>(&body)) return *found;
  fail(Code::internal, "the model lacks a body");
}

// GGUF keeps llama3 scaling as one divisor per pair (rope_freqs.weight); handled by the loader.
void rope_from_gguf(const GgufMetadata& metadata, const std::string& prefix, double base, Json& config) {
  Json rope = Json::object();
  rope["rope_type"] = "default";
  rope["rope_theta"] = base;
  const std::string type = metadata.string_or(prefix + "rope.scaling.type", "none");
  if (type == "linear") {
    rope["rope_type"] = "linear";
    rope["factor"] = metadata.number(prefix + "rope.scaling.factor", 1e-6, 1e12);
  } else {
    check(type == "none", Code::unsupported, "{}rope.scaling.type '{}' is not supported (none, linear)", prefix, type);
    // Files from before rope.scaling.type name a linear factor so.
    const double factor = metadata.number_or(prefix + "rope.scale_linear", 1.0, 1e-6, 1e12);
    if (factor != 1.0) rope["rope_type"] = "linear", rope["factor"] = factor;
  }
  config["rope_parameters"] = std::move(rope);
}

}  // namespace

AttentionSpec& attention_of(ModelSpec& spec) { return body_of<AttentionSpec>(spec); }
const AttentionSpec& attention_of(const ModelSpec& spec) { return body_of<AttentionSpec>(spec); }
FeedForwardSpec& feed_forward_of(ModelSpec& spec) { return body_of<FeedForwardSpec>(spec); }
const FeedForwardSpec& feed_forward_of(const ModelSpec& spec) { return body_of<FeedForwardSpec>(spec); }

Json decoder_config_from_gguf(const GgufMetadata& metadata, std::string_view model_type, std::string_view architecture) {
  const std::string prefix = metadata.string("general.architecture") + ".";
  const auto integer = [&](const char* key, int64_t maximum) { return metadata.integer(prefix + key, 1, maximum); };
  Json config = Json::object();
  config["architectures"] = Json::array({std::string(architecture)});
  config["model_type"] = std::string(model_type);
  config["hidden_size"] = integer("embedding_length", maximum_width);
  config["intermediate_size"] = integer("feed_forward_length", maximum_width);
  config["num_hidden_layers"] = integer("block_count", maximum_layers);
  config["num_attention_heads"] = integer("attention.head_count", maximum_width);
  config["num_key_value_heads"] = metadata.integer_or(prefix + "attention.head_count_kv",
                                                      config["num_attention_heads"].get<int64_t>(), 1, maximum_width);
  const int64_t heads = config["num_attention_heads"], width = config["hidden_size"];
  config["head_dim"] = metadata.integer_or(
      prefix + "attention.key_length",
      metadata.integer_or(prefix + "rope.dimension_count", std::max<int64_t>(width / heads, 1), 1, 4096), 1, 4096);
  config["max_position_embeddings"] = integer("context_length", 1 << 30);
  config["rms_norm_eps"] = metadata.number_or(prefix + "attention.layer_norm_rms_epsilon", 1e-5, 0, 1);
  config["hidden_act"] = "silu";
  rope_from_gguf(metadata, prefix, metadata.number_or(prefix + "rope.freq_base", 10000.0, 1e-6, 1e12), config);
  return config;
}

void decoder_config_to_gguf(const ModelSpec& spec, std::string_view architecture, GgufMetadata& metadata) {
  const std::string prefix = std::string(architecture) + ".";
  const AttentionSpec& attention = attention_of(spec);
  const auto put = [&](const char* key, int64_t value) {
    metadata.set(prefix + key, GgufValue::of_u32(checked_cast<uint32_t>(value, key)));
  };
  put("context_length", spec.context_length);
  put("embedding_length", spec.width);
  put("block_count", spec.decoder.layers);
  put("feed_forward_length", feed_forward_of(spec).hidden);
  put("attention.head_count", attention.heads);
  put("attention.head_count_kv", attention.kv_heads);
  put("attention.key_length", attention.head_dim);
  put("attention.value_length", attention.head_dim);
  put("rope.dimension_count", attention.rope->rotary_dim);
  metadata.set(prefix + "attention.layer_norm_rms_epsilon", GgufValue::of_f32(spec.decoder.final_norm->epsilon));
  metadata.set(prefix + "rope.freq_base", GgufValue::of_f32(static_cast<float>(attention.rope->base)));
  if (attention.rope->scaling == RopeScaling::linear) {
    metadata.set(prefix + "rope.scaling.type", GgufValue::of_string("linear"));
    metadata.set(prefix + "rope.scaling.factor", GgufValue::of_f32(static_cast<float>(attention.rope->factor)));
  }
  metadata.set(prefix + "vocab_size", GgufValue::of_u32(checked_cast<uint32_t>(spec.vocabulary, "vocab_size")));
}

}  // namespace peft
