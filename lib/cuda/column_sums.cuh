// y[c] += the sum over rows of term(r, c), in one launch without scratch: a block owns a strip of columns, its threads
// take rows in turn, and their sums meet in a fixed tree. Which strip width depends on the shape and on where rows lie.
//
// A Term is plain data with
//   using Element = ...;  what its matrices hold
//   bool pairs() const;   whether two columns at a time may be read from each row
//   template <int width> __device__ Floats<width> operator()(int64_t row, int64_t column) const;
#pragma once

#include <cstdint>
#include <type_traits>

#include "cuda/floats.cuh"
#include "cuda/launch.h"

namespace peft::cuda {

inline constexpr unsigned column_sum_threads = 1024;

template <int width>
__device__ inline void add_to(double (&sum)[width], const double (&more)[width]) {
  for (int i = 0; i < width; ++i) sum[i] += more[i];
}

// `strip` threads lie along a row, each with `width` columns. f32 within eight rows, f64 beyond.
template <int strip, int width, typename Term>
__global__ void __launch_bounds__(column_sum_threads)
    column_sum_kernel(Term term, int64_t rows, int64_t columns, float* y) {
  constexpr int groups = column_sum_threads / strip;
  __shared__ double partial[column_sum_threads][width];
  const int thread = static_cast<int>(threadIdx.x), group = thread / strip;
  const int64_t column = (static_cast<int64_t>(blockIdx.x) * strip + thread % strip) * width;
  double total[width] = {};
  if (column < columns) {
    constexpr int unroll = 8;
    int64_t row = group;
    for (; row + (unroll - 1) * groups < rows; row += unroll * groups) {
      Floats<width> values[unroll];
#pragma unroll
      for (int k = 0; k < unroll; ++k) values[k] = term.template operator()<width>(row + k * groups, column);
#pragma unroll
      for (int i = 0; i < width; ++i) {
        total[i] += static_cast<double>(((values[0].v[i] + values[1].v[i]) + (values[2].v[i] + values[3].v[i])) +
                                        ((values[4].v[i] + values[5].v[i]) + (values[6].v[i] + values[7].v[i])));
      }
    }
    for (; row < rows; row += groups) {
      const Floats<width> values = term.template operator()<width>(row, column);
      for (int i = 0; i < width; ++i) total[i] += static_cast<double>(values.v[i]);
    }
  }
  for (int i = 0; i < width; ++i) partial[thread][i] = total[i];
  __syncthreads();
  for (int half = groups / 2; half > 0; half /= 2) {
    if (group < half) add_to(partial[thread], partial[thread + half * strip]);
    __syncthreads();
  }
  if (group != 0 || column >= columns) return;
  for (int i = 0; i < width; ++i) {
    float& to = y[column + i];
    to = static_cast<float>(static_cast<double>(to) + partial[thread][i]);
  }
}

template <typename Term>
void add_column_sums(cudaStream_t stream, const Term& term, int64_t rows, int64_t columns, float* y) {
  if (rows <= 0 || columns <= 0) return;
  const auto start = [&](auto kernel, int64_t strip) {
    launch(stream, dim3(blocks_for(columns, strip)), dim3(column_sum_threads), 0, kernel, term, rows, columns, y);
  };
  // Wide strips read memory best, but narrow matrices would leave most multiprocessors without a block. Memory moves in
  // sectors of 32 bytes, which are 16 columns of bf16.
  if constexpr (sizeof(typename Term::Element) == 2) {
    if (columns % 2 == 0 && columns >= 16 && term.pairs()) {
      return columns >= 4096 ? start(column_sum_kernel<16, 2, Term>, 32) : start(column_sum_kernel<8, 2, Term>, 16);
    }
  }
  if (columns >= 4096) {
    start(column_sum_kernel<32, 1, Term>, 32);
  } else if (columns >= 8) {
    start(column_sum_kernel<8, 1, Term>, 8);
  } else {
    start(column_sum_kernel<1, 1, Term>, 1);
  }
}

}  // namespace peft::cuda
