// Products of a few rows (decode): every weight is read once, by the thread that owns its rows of the result.
#pragma once

#include <cstdint>

#include "tensor/kernel_types.h"
#include "tensor/view.h"

namespace peft {

// A row of activations rounded to int8 in blocks of 32.
struct Int8Row {
  const int8_t* codes = nullptr;
  const float* scales = nullptr;  // two a block: the scale, and the scale times the sum of the codes
};

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
  bool round_weights = false;  // to bf16, after decoding
  // What some kernels want of x beside it:
  const float* block_sums = nullptr;  // [m, k / 32]: sums over blocks of 32
  const float* split = nullptr;       // [m, 2, k / 2]: even elements, then odd ones
  const int8_t* codes = nullptr;      // [m, k]
  const float* scales = nullptr;      // [m, k / 32, 2]

  Int8Row int8_row(int64_t row) const { return {codes + row * k, scales + row * (k / 32) * 2}; }
  void put(int64_t row, int64_t column, float value) const {
    float& out = y[row * y_stride + column];
    out = accumulate ? out + alpha * value : alpha * value;
  }
};

// Row kernels walk b strictly forwards, one row after the other, and prefetch this far: on Zen 4 that reads
// 19 GB/s a thread where four rows side by side read 8 (measured on q8_0 with int8 activations).
inline constexpr int64_t bytes_ahead = 2048;

// Kernels for rows [begin, end) of b, and what they need of x.
void dot_rows_decoded(const RowsTask& task, int64_t begin,
                      int64_t end);  // any dtype, decoded to f32 in stretches
void dot_rows_plain(const RowsTask& task, int64_t begin, int64_t end);  // f32, bf16, f16

bool has_block_rows(DType dtype);  // q4_0, q4_1, q8_0; uses block_sums
void dot_rows_blocks(const RowsTask& task, int64_t begin, int64_t end);
void sum_blocks(const float* x, int64_t blocks, float* sums);

bool has_nf4_rows(const ConstView& b);  // rows of whole blocks; uses split
void dot_rows_nf4(const RowsTask& task, int64_t begin, int64_t end);
void split_even_odd(const float* x, int64_t k, float* out);

bool has_int8_rows(DType dtype);  // q4_0, q4_1, q5_0, q5_1, q8_0; uses codes and scales
void dot_rows_int8(const RowsTask& task, int64_t begin, int64_t end);
void round_to_int8(const float* x, int64_t blocks, int8_t* codes, float* scales);

// y[r, j] (+)= alpha x[r,:] . b[:,j] for columns [begin, end) of b [k, n], at most column_slice; any dtype.
inline constexpr int64_t column_slice = 128;
void add_columns(const RowsTask& task, int64_t begin, int64_t end);

}  // namespace peft
