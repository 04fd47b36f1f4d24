// y[c] += the sum over rows of term(r, c), in one launch without scratch: a block owns a strip of columns, its threads
// take rows in turn, and their sums meet in a fixed tree. Which strip width depends on the shape alone.
//
// A Term is plain data with __device__ float operator()(int64_t row, int64_t column) const.
#pragma once

#include <cstdint>

#include "cuda/launch.h"

namespace peft::cuda {

inline constexpr unsigned column_sum_threads = 1024;

// f32 within eight rows, f64 beyond.
template <int strip, typename Term>
__global__ void __launch_bounds__(column_sum_threads)
    column_sum_kernel(Term term, int64_t rows, int64_t columns, float* y) {
  constexpr int groups = column_sum_threads / strip;
  __shared__ double partial[column_sum_threads];
  const int thread = static_cast<int>(threadIdx.x), group = thread / strip;
  const int64_t column = static_cast<int64_t>(blockIdx.x) * strip + thread % strip;
  double total = 0;
  if (column < columns) {
    constexpr int unroll = 8;
    int64_t row = group;
    for (; row + (unroll - 1) * groups < rows; row += unroll * groups) {
      float values[unroll];
      for (int k = 0; k < unroll; ++k) values[k] = term(row + k * groups, column);
      total += static_cast<double>(((values[0] + values[1]) + (values[2] + values[3])) +
                                   ((values[4] + values[5]) + (values[6] + values[7])));
    }
    for (; row < rows; row += groups) total += static_cast<double>(term(row, column));
  }
  partial[thread] = total;
  __syncthreads();
  for (int half = groups / 2; half > 0; half /= 2) {
    if (group < half) partial[thread] += partial[thread + half * strip];
    __syncthreads();
  }
  if (group == 0 && column < columns) y[column] = static_cast<float>(static_cast<double>(y[column]) + partial[thread]);
}

template <typename Term>
void add_column_sums(cudaStream_t stream, const Term& term, int64_t rows, int64_t columns, float* y) {
  if (rows <= 0 || columns <= 0) return;
  const auto start = [&](auto kernel, int64_t strip) {
    launch(stream, dim3(blocks_for(columns, strip)), dim3(column_sum_threads), 0, kernel, term, rows, columns, y);
  };
  // Wide strips read memory best, but narrow matrices would leave most multiprocessors without a block.
  if (columns >= 4096) {
    start(column_sum_kernel<32, Term>, 32);
  } else if (columns >= 8) {
    start(column_sum_kernel<8, Term>, 8);
  } else {
    start(column_sum_kernel<1, Term>, 1);
  }
}

}  // namespace peft::cuda
