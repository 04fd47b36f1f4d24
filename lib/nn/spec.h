// A transformer as data. A family file fills a ModelSpec; nn/transformer.h runs any of them.
//
// A sublayer is one equation:  x <- norm_sum(x + sum_i norm_out(body_i(norm_in(x))))
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "tensor/kernel_types.h"

namespace peft {

enum class NormKind : uint8_t { rms, layer };

struct NormSpec {
  NormKind kind = NormKind::rms;
  float epsilon = 1e-5f;
};

enum class RopeScaling : uint8_t { none, linear, llama3 };

// Rotation angle of pair i at position p: p * base^(-2i / rotary_dim), scaled.
struct RopeSpec {
  double base = 10000.0;
  int32_t rotary_dim = 0;
  RopeScaling scaling = RopeScaling::none;
  double factor = 1.0;
  double low_frequency_factor = 1.0, high_frequency_factor = 4.0;  // llama3
  int64_t original_context = 8192;                                 // llama3
};

struct AttentionSpec {
  int32_t heads = 0, kv_heads = 0, head_dim = 0;
  bool causal = true;
  float scale = 0.0f;  // multiplies q k^T
  std::optional<RopeSpec> rope;
  std::optional<NormSpec> head_norm;  // over each head of q and k, before rope (Qwen3)
  bool fused_qkv = false;             // one projection, columns q | k | v (GPT-2 c_attn)
  bool qkv_bias = false, output_bias = false;
  WeightLayout layout = WeightLayout::out_in;
};

struct FeedForwardSpec {
  int64_t hidden = 0;
  bool gated = false;  // down(f(gate(x)) * up(x)) instead of down(f(up(x)))
  UnaryKind activation = UnaryKind::silu;
  bool bias = false;
  WeightLayout layout = WeightLayout::out_in;
};

using BodySpec = std::variant<AttentionSpec, FeedForwardSpec>;

struct SublayerSpec {
  std::optional<NormSpec> norm_in;
  std::vector<BodySpec> bodies;
  std::optional<NormSpec> norm_out;
  std::optional<NormSpec> norm_sum;
};

struct StackSpec {
  int32_t layers = 0;
  std::vector<SublayerSpec> sublayers;  // of every layer
  std::vector<int32_t> windows;         // sliding window of each layer's attention, 0 = none; empty: none anywhere
  std::optional<NormSpec> final_norm;
};

struct ModelSpec {
  std::string family;  // row of models/families.cpp: "llama"
  int64_t vocabulary = 0, width = 0;
  int64_t context_length = 0;     // positions the model was made for
  int64_t learned_positions = 0;  // rows of the position table; 0: none (rope)
  bool tied_head = false;         // the output head is the embedding table
  StackSpec decoder;
};

}  // namespace peft
