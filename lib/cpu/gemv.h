// Products of a few rows (decode): every weight is read once, by the thread that owns its rows of the result.
#pragma once

#include <cstdint>

#include "tensor/kernel_types.h"
#include "tensor/view.h"

namespace peft {

// y[r, j] (+)= alpha x[r,:] . b[j,:] for the m rows of x and the rows j of b that a kernel is called for.
struct RowsTask {
  ConstView b;               // [n, k]
  const float* x = nullptr;  // [m, k]
  int64_t x_stride = 0;
  int64_t m = 0, k = 0;
  float* y = nullptr;
  int64_t y_stride = 0;
  float alpha = 1.0f;
  bool accumulate = false;
  bool round_weights = false;         // to bf16, after decoding
  const float* block_sums = nullptr;  // [m, k / 32]: sums of x over blocks, for formats with a minimum or a centre

  void put(int64_t row, int64_t column, float value) const {
    float& out = y[row * y_stride + column];
    out = accumulate ? out + alpha * value : alpha * value;
  }
};

// Any dtype, by decoding stretches of four rows to f32.
void dot_rows_decoded(const RowsTask& task, int64_t begin, int64_t end);

// y[r, j] (+)= alpha x[r,:] . b[:,j] for columns [begin, end) of b [k, n], at most column_slice of them. Any dtype.
inline constexpr int64_t column_slice = 128;
void add_columns(const RowsTask& task, int64_t begin, int64_t end);

}  // namespace peft
