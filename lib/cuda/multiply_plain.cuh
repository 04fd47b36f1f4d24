// A product for what cuBLASLt has no algorithm for (odd addresses and strides): slow, right, of any shape.
#pragma once

#include "cuda/convert.cuh"
#include "cuda/cublaslt.h"
#include "cuda/launch.h"

namespace peft::cuda {

inline constexpr int plain_tile = 64, plain_depth = 16, plain_threads = 256;

// Element (row, column) of an operand that may lie transposed.
template <typename T>
struct Operand {
  const T* data;
  int64_t row_step, column_step;
  __device__ float at(int64_t row, int64_t column) const {
    return to_float(data[row * row_step + column * column_step]);
  }
};

// A block computes [64, 64] of y, a thread [4, 4]; the depth is walked in order.
template <typename T, typename Y>
__global__ void __launch_bounds__(plain_threads, 2)
    multiply_plain_kernel(Operand<T> a, Operand<T> b, Y* y, int64_t y_stride, int64_t m, int64_t n, int64_t k,
                          float alpha, bool accumulate) {
  __shared__ float a_tile[plain_depth][plain_tile + 1], b_tile[plain_depth][plain_tile + 1];
  constexpr int64_t across = plain_tile;
  const int64_t blocks_down = (m + across - 1) / across;
  const int64_t row = blockIdx.x % blocks_down * across, column = blockIdx.x / blocks_down * across;
  const int thread = static_cast<int>(threadIdx.x);
  const int thread_row = thread / 16 * 4, thread_column = thread % 16 * 4;
  float sums[4][4] = {};
  for (int64_t depth = 0; depth < k; depth += plain_depth) {
    for (int i = thread; i < plain_depth * plain_tile; i += plain_threads) {
      const int d = i / plain_tile, at = i % plain_tile;
      const bool inside = depth + d < k;
      a_tile[d][at] = inside && row + at < m ? a.at(row + at, depth + d) : 0.0f;
      b_tile[d][at] = inside && column + at < n ? b.at(depth + d, column + at) : 0.0f;
    }
    __syncthreads();
    for (int d = 0; d < plain_depth; ++d)
      for (int i = 0; i < 4; ++i)
        for (int j = 0; j < 4; ++j) sums[i][j] += a_tile[d][thread_row + i] * b_tile[d][thread_column + j];
    __syncthreads();
  }
  for (int i = 0; i < 4; ++i) {
    for (int j = 0; j < 4; ++j) {
      const int64_t r = row + thread_row + i, c = column + thread_column + j;
      if (r >= m || c >= n) continue;
      Y& out = y[r * y_stride + c];
      out = from_float<Y>(accumulate ? to_float(out) + alpha * sums[i][j] : alpha * sums[i][j]);
    }
  }
}

template <typename T, typename Y>
void multiply_plain_as(cudaStream_t stream, const Product& p) {
  const Operand<T> a = {reinterpret_cast<const T*>(p.a), p.a_transposed ? 1 : p.a_stride,
                        p.a_transposed ? p.a_stride : 1};
  const Operand<T> b = {reinterpret_cast<const T*>(p.b), p.b_transposed ? 1 : p.b_stride,
                        p.b_transposed ? p.b_stride : 1};
  const int64_t blocks = ((p.m + plain_tile - 1) / plain_tile) * ((p.n + plain_tile - 1) / plain_tile);
  PEFT_ASSERT(blocks < int64_t{1} << 31);
  launch(stream, dim3(static_cast<unsigned>(blocks)), dim3(plain_threads), 0, multiply_plain_kernel<T, Y>, a, b,
         reinterpret_cast<Y*>(p.y), p.y_stride, p.m, p.n, p.k, p.alpha, p.accumulate);
}

inline void multiply_plain(cudaStream_t stream, const Product& product) {
  if (product.operands == DType::f32) {
    multiply_plain_as<float, float>(stream, product);
  } else if (product.result == DType::f32) {
    multiply_plain_as<BFloat16, float>(stream, product);
  } else {
    multiply_plain_as<BFloat16, BFloat16>(stream, product);
  }
}

}  // namespace peft::cuda
