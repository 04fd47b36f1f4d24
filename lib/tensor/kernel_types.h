// Option structs of kernels.def. Plain data, the same on host and device.
#pragma once

#include <cstdint>

namespace peft {

// How a matrix product treats its activations. Sums are always f32 or wider.
enum class Arithmetic : uint8_t {
  float32,   // exact products of f32 activations
  bfloat16,  // activations and weights rounded to bf16 first (AMX, AVX-512 BF16, tensor cores)
  int8,  // few-row products over block-quantized weights only: activations rounded to int8 in blocks of 32
};

enum class MatmulKind : uint8_t {
  nt,  // y[m,n] = a[m,k] b[n,k]^T   a linear layer with weight [out, in]
  nn,  // y[m,n] = a[m,k] b[k,n]     its gradient to the input; a Conv1D layer with weight [in, out]
  tn,  // y[m,n] = a[k,m]^T b[k,n]   a weight gradient
};

struct MatmulOptions {
  MatmulKind kind = MatmulKind::nt;
  Arithmetic arithmetic = Arithmetic::float32;
  bool accumulate = false;  // y += alpha a b instead of y = alpha a b
  float alpha = 1.0f;
};

// One group of rows of grouped_matmul, and the matrix of its own that they are multiplied with.
struct GroupedRows {
  int32_t first_row = 0, row_count = 0;
  int32_t outputs = 0, inner = 0;  // b is f32 [outputs, inner], with rows b_stride elements apart
  int32_t inner_begin = 0;         // column of a that meets b's first one
  float alpha = 1.0f;
  const float* b = nullptr;
  int64_t b_stride = 0;
};

// How a checkpoint stores a linear layer's weight.
enum class WeightLayout : uint8_t {
  out_in,  // torch.nn.Linear: [out, in]
  in_out,  // Transformers' Conv1D (GPT-2): [in, out]
};

// Label of a token that bears no loss, as torch and Transformers have it.
inline constexpr int32_t ignored_label = -100;

enum class UnaryKind : uint8_t { silu, gelu, gelu_tanh, relu, tanh, sigmoid };
enum class BinaryKind : uint8_t { add, subtract, multiply };

struct RopeOptions {
  int32_t heads = 0, head_dim = 0;
  int32_t rotary_dim = 0;  // leading dimensions of each head that rotate: pairs (i, i + rotary_dim / 2)
  bool inverse = false;    // rotate back: the gradient
};

struct AttentionOptions {
  int32_t heads = 0, kv_heads = 0, head_dim = 0;  // heads is a multiple of kv_heads
  int32_t window = 0;  // a query sees its last `window` keys, itself included; 0 = all
  bool causal = true;
  float scale = 1.0f;
};

// One row of a segments view, i32 [segments, 4]: query j (0 <= j < query_count) stands at key position
// key_count - query_count + j of its segment; with `causal` it sees keys up to that one.
struct AttentionSegment {
  int32_t query_begin = 0, query_count = 0;
  int32_t key_begin = 0, key_count = 0;
};

// Where one layer's keys and values lie in a page (offsets in elements, f32 or bf16 as the queries are); a page holds
// page_tokens tokens of all layers, a token's keys being kv_heads * head_dim elements.
struct PageLayout {
  int32_t page_tokens = 0;
  int64_t key_offset = 0, value_offset = 0;
};

// Dropout's random bits come from the counter (step, row, position, column) under the key (seed, module).
struct DropoutOptions {
  float probability = 0.0f;
  uint32_t module = 0, step = 0;
  uint64_t seed = 0;
};

// torch.optim.AdamW; bias corrections are computed by the caller in double precision.
struct AdamWOptions {
  float learning_rate = 0;
  double beta1 = 0.9, beta2 = 0.999;  // double: 1 - 0.999f is off by 1e-5
  float epsilon = 1e-8f, weight_decay = 0;
  double bias_correction1 = 1, bias_correction2 = 1;  // 1 - beta^t
  float gradient_scale = 1;                           // clipping, multiplied into every gradient
};

}  // namespace peft
