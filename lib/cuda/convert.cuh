// f32 to and from f16 and bf16, which are held as bits: round to nearest even, NaN stays NaN.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#ifdef PEFT_CUDA_EMULATED
#include "base/half.h"
#else
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#endif

namespace peft::cuda {

// The stored types of floating-point numbers as distinct C++ types.
struct Half {
  uint16_t bits;
};
struct BFloat16 {
  uint16_t bits;
};

__device__ inline float to_float(float value) { return value; }
__device__ inline float to_float(BFloat16 value) {
#ifdef PEFT_CUDA_EMULATED
  return bfloat16_to_float(value.bits);
#else
  return __uint_as_float(static_cast<uint32_t>(value.bits) << 16);
#endif
}
__device__ inline float to_float(Half value) {
#ifdef PEFT_CUDA_EMULATED
  return half_to_float(value.bits);
#else
  return __half2float(__ushort_as_half(value.bits));
#endif
}

// T: float, Half or BFloat16.
template <typename T>
__device__ T from_float(float value);
template <>
__device__ inline float from_float<float>(float value) {
  return value;
}
template <>
__device__ inline BFloat16 from_float<BFloat16>(float value) {
#ifdef PEFT_CUDA_EMULATED
  return {float_to_bfloat16(value)};
#else
  return {__bfloat16_as_ushort(__float2bfloat16_rn(value))};
#endif
}
template <>
__device__ inline Half from_float<Half>(float value) {
#ifdef PEFT_CUDA_EMULATED
  return {float_to_half(value)};
#else
  return {__half_as_ushort(__float2half_rn(value))};
#endif
}

}  // namespace peft::cuda
