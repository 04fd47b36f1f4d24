// GPT-2: layer norms, learned positions, one projection for q, k and v stored as Conv1D.
// Source: Transformers, models/gpt2/configuration_gpt2.py and modeling_gpt2.py.
#include <cmath>

#include "base/checked.h"
#include "base/error.h"
#include "models/config_fields.h"
#include "models/families/families.h"

namespace peft {
namespace {

constexpr NameRow names[] = {
    {"embedding", "transformer.wte", "token_embd"},
    {"position", "transformer.wpe", "position_embd"},
    {"blocks.{}.attention.norm_in", "transformer.h.{}.ln_1", "blk.{}.attn_norm"},
    {"blocks.{}.attention.query_key_value", "transformer.h.{}.attn.c_attn", "blk.{}.attn_qkv"},
    {"blocks.{}.attention.output", "transformer.h.{}.attn.c_proj", "blk.{}.attn_output"},
    {"blocks.{}.feed_forward.norm_in", "transformer.h.{}.ln_2", "blk.{}.ffn_norm"},
    {"blocks.{}.feed_forward.up", "transformer.h.{}.mlp.c_fc", "blk.{}.ffn_up"},
    {"blocks.{}.feed_forward.down", "transformer.h.{}.mlp.c_proj", "blk.{}.ffn_down"},
    {"final_norm", "transformer.ln_f", "output_norm"},
    {"head", "lm_head", "output"},
};

void refuse(const JsonFields& config, const char* key, bool expected) {
  check(config.boolean_or(key, expected) == expected, Code::unsupported, "{}: {} = {} is not supported", config.what(), key,
        !expected);
}

ModelSpec spec_of(const JsonFields& config) {
  refuse(config, "scale_attn_weights", true);
  refuse(config, "scale_attn_by_inverse_layer_idx", false);
  refuse(config, "add_cross_attention", false);
  ModelSpec spec;
  spec.family = "gpt2";
  spec.vocabulary = config.integer("vocab_size", 1, maximum_vocabulary);
  spec.width = config.integer("n_embd", 1, maximum_width);
  spec.context_length = spec.learned_positions = config.integer_or("n_positions", 1024, 1, 1 << 24);
  spec.tied_head = config.boolean_or("tie_word_embeddings", true);

  AttentionSpec attention;
  const int64_t heads = config.integer("n_head", 1, maximum_width);
  check(spec.width % heads == 0, Code::format, "{}: n_embd {} is no multiple of n_head {}", config.what(), spec.width, heads);
  attention.heads = attention.kv_heads = static_cast<int32_t>(heads);
  attention.head_dim = static_cast<int32_t>(spec.width / heads);
  check(attention.head_dim <= 4096, Code::unsupported, "{}: head size {} exceeds 4096", config.what(), attention.head_dim);
  attention.scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(attention.head_dim)));
  attention.fused_qkv = attention.qkv_bias = attention.output_bias = true;
  attention.layout = WeightLayout::in_out;

  FeedForwardSpec feed_forward;
  feed_forward.hidden = config.integer_or("n_inner", 4 * spec.width, 1, 4 * maximum_width);
  feed_forward.activation = activation_of(config, "activation_function", "gelu_new");
  feed_forward.bias = true;
  feed_forward.layout = WeightLayout::in_out;

  const NormSpec norm{NormKind::layer, static_cast<float>(config.number_or("layer_norm_epsilon", 1e-5, 0, 1))};
  spec.decoder.layers = static_cast<int32_t>(config.integer("n_layer", 1, maximum_layers));
  spec.decoder.sublayers = {{norm, {attention}, {}, {}}, {norm, {feed_forward}, {}, {}}};
  spec.decoder.final_norm = norm;
  return spec;
}

Json config_from_gguf(const GgufMetadata& metadata) {
  Json config = Json::object();
  config["architectures"] = Json::array({"GPT2LMHeadModel"});
  config["model_type"] = "gpt2";
  config["n_embd"] = metadata.integer("gpt2.embedding_length", 1, maximum_width);
  config["n_layer"] = metadata.integer("gpt2.block_count", 1, maximum_layers);
  config["n_head"] = metadata.integer("gpt2.attention.head_count", 1, maximum_width);
  config["n_inner"] = metadata.integer("gpt2.feed_forward_length", 1, 4 * maximum_width);
  config["n_positions"] = metadata.integer("gpt2.context_length", 1, 1 << 24);
  config["layer_norm_epsilon"] = metadata.number_or("gpt2.attention.layer_norm_epsilon", 1e-5, 0, 1);
  config["activation_function"] = "gelu_new";
  return config;
}

void config_to_gguf(const ModelSpec& spec, GgufMetadata& metadata) {
  const auto put = [&](const char* key, int64_t value) {
    metadata.set(key, GgufValue::of_u32(checked_cast<uint32_t>(value, key)));
  };
  put("gpt2.context_length", spec.context_length);
  put("gpt2.embedding_length", spec.width);
  put("gpt2.block_count", spec.decoder.layers);
  put("gpt2.feed_forward_length", feed_forward_of(spec).hidden);
  put("gpt2.attention.head_count", attention_of(spec).heads);
  metadata.set("gpt2.attention.layer_norm_epsilon", GgufValue::of_f32(spec.decoder.final_norm->epsilon));
}

}  // namespace

const Family gpt2_family = {"gpt2",  "GPT2LMHeadModel", "gpt2",         "transformer.",
                            spec_of, config_from_gguf,  config_to_gguf, names};

}  // namespace peft
