// One task of attention's backward pass.
#pragma once

#include <cstdint>

#include "tensor/kernel_types.h"

namespace peft {

// All queries of a segment, `heads` consecutive query heads of one kv head: their dq, and the sum of their dk
// and dv.
struct AttentionBackwardTask {
  AttentionOptions options;
  int64_t heads = 0, queries = 0, key_count = 0;
  int64_t position = 0;  // of the first query among the keys; may be negative
  const float *q = nullptr, *k = nullptr, *v = nullptr, *dout = nullptr, *lse = nullptr, *delta = nullptr;
  int64_t q_stride = 0, k_stride = 0, v_stride = 0, dout_stride = 0, lse_stride = 0, delta_stride = 0;
  float *dq = nullptr, *dk = nullptr, *dv = nullptr;
  int64_t dq_stride = 0, dk_stride = 0, dv_stride = 0;
  float* scratch = nullptr;

  // Keys [low, high) that query `index` sees.
  int64_t low(int64_t index) const {
    const int64_t first = options.window > 0 ? position + index - options.window + 1 : 0;
    return first > 0 ? first : 0;
  }
  int64_t high(int64_t index) const {
    const int64_t bound = options.causal ? position + index + 1 : key_count;
    return bound < key_count ? (bound > 0 ? bound : 0) : key_count;
  }
};

}  // namespace peft
