#include "cuda/tuning.h"

#include "cuda/convert.cuh"
#include "cuda/launch.h"

namespace peft::cuda {
namespace {

constexpr int64_t tuning_threads = 256, most_tuning_blocks = 4096;

// Of 8 bits that a bf16 holds, and of eight magnitudes: products reach over more bits than f32 has, so that nearly
// every partial sum is rounded.
__device__ inline float number_at(uint32_t outer, uint32_t depth, uint32_t seed) {
  uint32_t bits = (outer * 0x9E3779B9u ^ depth * 0x85EBCA6Bu) + seed;  // then the finalizer of MurmurHash3
  bits = (bits ^ bits >> 16) * 0x85EBCA6Bu;
  bits = (bits ^ bits >> 13) * 0xC2B2AE35u;
  bits ^= bits >> 16;
  const float value = static_cast<float>(128 + (bits & 127)) / static_cast<float>(256u << (bits >> 8 & 7));
  return bits >> 31 ? -value : value;
}

template <typename T>
__global__ void __launch_bounds__(tuning_threads)
    fill_operand(T* data, int64_t rows, int64_t columns, int64_t stride, bool depth_is_columns, float sign,
                 uint32_t seed) {
  const int64_t depth = depth_is_columns ? columns : rows, half = depth / 2, count = rows * columns;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * tuning_threads + threadIdx.x; i < count;
       i += static_cast<int64_t>(gridDim.x) * tuning_threads) {
    const int64_t row = i / columns, column = i - row * columns;
    const int64_t d = depth_is_columns ? column : row, outer = depth_is_columns ? row : column;
    const bool second = d >= half;
    const int64_t pair = second ? 2 * half - 1 - d : d;
    const float value = number_at(static_cast<uint32_t>(outer), static_cast<uint32_t>(pair), seed);
    data[row * stride + column] = from_float<T>(d == 2 * half ? 0.0f : second ? sign * value : value);
  }
}

void fill(cudaStream_t stream, const TuningOperand& x, float sign, uint32_t seed) {
  const bool depth_is_columns = x.depth_step == 1;
  const int64_t rows = depth_is_columns ? x.outer : x.depth, columns = depth_is_columns ? x.depth : x.outer;
  const int64_t stride = depth_is_columns ? x.outer_step : x.depth_step;
  const dim3 grid(blocks_for(rows * columns, tuning_threads, most_tuning_blocks)), block(tuning_threads);
  if (x.dtype == DType::f32) {
    launch(stream, grid, block, 0, fill_operand<float>, reinterpret_cast<float*>(x.data), rows, columns, stride,
           depth_is_columns, sign, seed);
  } else {
    launch(stream, grid, block, 0, fill_operand<BFloat16>, reinterpret_cast<BFloat16*>(x.data), rows, columns, stride,
           depth_is_columns, sign, seed);
  }
}

__global__ void __launch_bounds__(tuning_threads)
    compare(const uint32_t* x, const uint32_t* y, int64_t words, uint32_t* differs) {
  bool found = false;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * tuning_threads + threadIdx.x; i < words;
       i += static_cast<int64_t>(gridDim.x) * tuning_threads)
    found |= x[i] != y[i];
  if (found) atomicMax(differs, 1u);
}

}  // namespace

void fill_for_tuning(cudaStream_t stream, const TuningOperand& a, const TuningOperand& b) {
  fill(stream, a, 1.0f, 1);
  fill(stream, b, -1.0f, 2);
}

void compare_words(cudaStream_t stream, const uint32_t* x, const uint32_t* y, int64_t words, uint32_t* differs) {
  launch(stream, dim3(blocks_for(words, tuning_threads, most_tuning_blocks)), dim3(tuning_threads), 0, compare, x, y,
         words, differs);
}

}  // namespace peft::cuda
