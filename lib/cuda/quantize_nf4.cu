// quantize_nf4 with the bits of lib/cpu/quantize_nf4.cpp.
//
// The nested form needs all maxima before it can encode one, in f32: they stand where the codes come, which are written
// last. So nothing is allocated, and x is read twice.
#include "cuda/convert.cuh"
#include "cuda/cuda_backend.h"
#include "cuda/nf4.cuh"
#include "cuda/ordered_mean.cuh"
#include "cuda/vector.cuh"

namespace peft::cuda {
namespace {

constexpr unsigned encode_threads = 256;
constexpr float least_maximum = 1e-38f;  // keeps the reciprocal of a zero block finite
constexpr int quarter = 4;               // elements of a thread; 16 threads share a block of 64

constexpr Table<15> make_bounds() {
  Table<15> bounds{};
  for (size_t i = 0; i < 15; ++i) bounds.value[i] = (nf4_values[i] + nf4_values[i + 1]) / 2.0f;
  return bounds;
}

// How many of the 15 bounds lie strictly below.
__device__ inline unsigned count_bounds(float value) {
  constexpr Table<15> bounds = make_bounds();
  unsigned code = 0;
#pragma unroll
  for (int i = 0; i < 15; ++i) code += value > bounds.value[i] ? 1u : 0u;
  return code;
}

// Up to four values from `element` on, zeros after the last. `wide`: x is aligned to a pack of them.
template <typename T>
__device__ inline Floats<quarter> load_four(const T* x, int64_t element, int64_t elements, bool wide) {
  Floats<quarter> four{};
  if (wide && element + quarter <= elements) {
    const Pack<T, quarter> pack = load<quarter>(x + element);
#pragma unroll
    for (int i = 0; i < quarter; ++i) four.v[i] = to_float(pack.v[i]);
  } else {
#pragma unroll
    for (int i = 0; i < quarter; ++i) {
      if (element + i < elements) four.v[i] = to_float(x[element + i]);
    }
  }
  return four;
}

// The largest magnitude of a block, known to its 16 threads.
__device__ inline float block_maximum(const Floats<quarter>& four) {
  float largest = 0;
#pragma unroll
  for (int i = 0; i < quarter; ++i) largest = fmaxf(largest, fabsf(four.v[i]));
  for (int distance = 8; distance > 0; distance /= 2) {
    largest = fmaxf(largest, __shfl_xor_sync(0xffffffffu, largest, distance));
  }
  return largest;
}

// codes or maxima may be null: what is not wanted. A short last block is divided by its maximum, not multiplied by the
// reciprocal; a zero one keeps the least maximum.
template <typename T>
__global__ void __launch_bounds__(encode_threads)
    encode_blocks(const T* x, int64_t elements, bool wide, uint8_t* codes, float* maxima) {
  const int64_t element = (static_cast<int64_t>(blockIdx.x) * encode_threads + threadIdx.x) * quarter;
  const int64_t block = element / nf4_block;
  const Floats<quarter> four = load_four(x, element, elements, wide);
  float maximum = block_maximum(four);
  const bool whole = (block + 1) * nf4_block <= elements;
  if (!whole) maximum = fmaxf(maximum, least_maximum);
  if (element >= elements) return;
  if (maxima != nullptr && element % nf4_block == 0) maxima[block] = maximum;
  if (codes == nullptr) return;

  // The reciprocal of an infinite maximum is 0; then values are taken as they are.
  const float factor = whole ? 1.0f / fmaxf(maximum, least_maximum) : 0.0f;
  const float divisor = whole ? 1.0f : maximum;
  unsigned numbers[quarter];
#pragma unroll
  for (int i = 0; i < quarter; ++i) {
    const float value = factor != 0 ? four.v[i] * factor : four.v[i] / divisor;
    numbers[i] = element + i < elements ? count_bounds(value) : 7;  // an odd tensor is padded with a zero
  }
  uint8_t* to = codes + element / 2;
  const auto low = static_cast<uint8_t>(numbers[0] << 4 | numbers[1]);
  const auto high = static_cast<uint8_t>(numbers[2] << 4 | numbers[3]);
  if (element + 2 < elements) {
    *reinterpret_cast<uint16_t*>(to) = static_cast<uint16_t>(low | high << 8);
  } else {
    *to = low;
  }
}

// One block of threads for each nested block of 256 maxima.
__global__ void __launch_bounds__(nf4_nested_block)
    encode_maxima(const float* maxima, int64_t blocks, const float* mean, uint8_t* codes, float* nested) {
  __shared__ float midpoints[256], partial[8];
  if (threadIdx.x < 255) {
    midpoints[threadIdx.x] = 0.5f * (dynamic_table.value[threadIdx.x] + dynamic_table.value[threadIdx.x + 1]);
  }
  const int64_t block = static_cast<int64_t>(blockIdx.x) * nf4_nested_block + threadIdx.x;
  const float distance = block < blocks ? maxima[block] - *mean : 0.0f;
  float largest = fabsf(distance);
  for (int lanes = 16; lanes > 0; lanes /= 2) largest = fmaxf(largest, __shfl_xor_sync(0xffffffffu, largest, lanes));
  if (threadIdx.x % 32 == 0) partial[threadIdx.x / 32] = largest;
  __syncthreads();
  for (int warp = 0; warp < 8; ++warp) largest = fmaxf(largest, partial[warp]);
  if (threadIdx.x == 0) nested[blockIdx.x] = largest;
  if (block >= blocks) return;
  if (largest == 0) {
    codes[block] = 0;
    return;
  }
  // bitsandbytes rounds to one of 65536 even steps of [-1, 1]; the code is the number of midpoints strictly below it.
  const float value = fminf(fmaxf(distance * (1.0f / largest), -1.0f), 1.0f);
  const auto number = static_cast<uint16_t>(fmaf((value + 1.0f) * 0.5f, 65535.0f, 0.5f));
  const float rounded = -1.0f + 2.0f * static_cast<float>(number) / 65535.0f;
  int code = 0;
  for (int half = 128; half > 0; half /= 2) {
    if (midpoints[code + half - 1] < rounded) code += half;
  }
  codes[block] = static_cast<uint8_t>(code);
}

template <typename T>
void quantize(cudaStream_t stream, const ConstView& x, const View& y) {
  const Nf4Layout layout = Nf4Layout::of(y.dtype, x.elements());
  const T* values = reinterpret_cast<const T*>(x.data);
  auto* codes = reinterpret_cast<uint8_t*>(y.data);
  const bool wide = reinterpret_cast<uintptr_t>(values) % (sizeof(T) * quarter) == 0;
  const auto encode = [&](uint8_t* to, float* maxima) {
    const int64_t grid = (layout.elements + encode_threads * quarter - 1) / (encode_threads * quarter);
    PEFT_ASSERT(grid < int64_t{1} << 31);
    launch(stream, dim3(static_cast<unsigned>(grid)), dim3(encode_threads), 0, encode_blocks<T>, values,
           layout.elements, wide, to, maxima);
  };
  if (y.dtype == DType::nf4) return encode(codes, reinterpret_cast<float*>(y.data + layout.maxima_offset));

  auto* maxima = reinterpret_cast<float*>(y.data);
  PEFT_ASSERT(layout.blocks * int64_t{sizeof(float)} <= layout.maxima_offset);
  auto* mean = reinterpret_cast<float*>(y.data + layout.offset_offset);
  encode(nullptr, maxima);
  launch(stream, dim3(1), dim3(ordered_mean_threads), 0, ordered_mean, OrderedMeanPlan::of(layout.blocks), maxima,
         mean);
  launch(stream, dim3(static_cast<unsigned>(layout.nested_blocks)), dim3(nf4_nested_block), 0, encode_maxima, maxima,
         layout.blocks, mean, reinterpret_cast<uint8_t*>(y.data + layout.maxima_offset),
         reinterpret_cast<float*>(y.data + layout.nested_offset));
  encode(codes, nullptr);
}

}  // namespace

void CudaBackend::quantize_nf4(ConstView x, View y) {
  run("quantize_nf4", [&] {
    PEFT_ASSERT(is_nf4(y.dtype) && x.dense() && (x.dtype == DType::f32 || x.dtype == DType::bf16));
    if (x.elements() == 0) return;
    if (x.dtype == DType::f32) {
      quantize<float>(stream(), x, y);
    } else {
      quantize<BFloat16>(stream(), x, y);
    }
  });
}

}  // namespace peft::cuda
