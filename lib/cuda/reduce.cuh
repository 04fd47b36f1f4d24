// Sums and maxima over a warp and over a block, in an order that depends on the block's size alone. Every thread gets
// the result.
#pragma once

#include <cstdint>

#include "cuda/launch.h"

namespace peft::cuda {

inline constexpr unsigned whole_warp = 0xffffffffu;

struct Add {
  template <typename T>
  __device__ T operator()(T a, T b) const {
    return a + b;
  }
};
// NaN wins, so that it is seen.
struct Maximum {
  template <typename T>
  __device__ T operator()(T a, T b) const {
    return a > b || a != a ? a : b;
  }
};

// T: float, double, int32_t. All 32 lanes must take part.
template <typename T, typename Combine>
__device__ inline T warp_reduce(T value, Combine combine) {
  for (unsigned distance = warp_size / 2; distance > 0; distance /= 2)
    value = combine(value, __shfl_xor_sync(whole_warp, value, distance));
  return value;
}

// A one-dimensional block of a whole number of warps. Barriers inside: all threads must take part.
template <typename T, typename Combine>
__device__ inline T block_reduce(T value, T neutral, Combine combine) {
  __shared__ T partial[32];
  const unsigned lane = threadIdx.x % warp_size, warp = threadIdx.x / warp_size;
  value = warp_reduce(value, combine);
  if (lane == 0) partial[warp] = value;
  __syncthreads();
  value = warp_reduce(lane < blockDim.x / warp_size ? partial[lane] : neutral, combine);
  __syncthreads();  // the next sum may overwrite `partial`
  return value;
}

template <typename T>
__device__ inline T block_sum(T value) {
  return block_reduce(value, T{0}, Add{});
}

}  // namespace peft::cuda
