// Activations, f32 or bf16: kernels compute in f32 and round once, when they store.
#pragma once

#include <initializer_list>
#include <string>

#include "base/error.h"
#include "cuda/convert.cuh"
#include "cuda/vector.cuh"

namespace peft::cuda {

// Elements of 128 bits.
template <typename T>
inline constexpr int wide_pack = 16 / static_cast<int>(sizeof(T));

template <typename T, int width>
__device__ inline Floats<width> to_floats(const Pack<T, width>& pack) {
  Floats<width> values;
#pragma unroll
  for (int i = 0; i < width; ++i) values.v[i] = to_float(pack.v[i]);
  return values;
}
template <int width, typename T>
__device__ inline Floats<width> load_floats(const T* p) {
  return to_floats(load<width>(p));
}
template <typename T, int width>
__device__ inline void store_floats(const Floats<width>& values, T* p) {
  Pack<T, width> pack;
#pragma unroll
  for (int i = 0; i < width; ++i) pack.v[i] = from_float<T>(values.v[i]);
  store(pack, p);
}

[[noreturn]] inline void refuse_activations(std::initializer_list<DType> types) {
  std::string names;
  for (const DType type : types) names += (names.empty() ? "" : ", ") + std::string(name_of(type));
  fail(Code::unsupported, "activations of types {}: expected all f32 or all bf16", names);
}

// Calls body(T()) for the one type of all these activations, float or BFloat16.
template <typename Body>
void with_activation_type(std::initializer_list<DType> types, const Body& body) {
  const DType type = *types.begin();
  for (const DType other : types) {
    if (other != type) refuse_activations(types);
  }
  if (type == DType::f32) return body(float());
  if (type == DType::bf16) return body(BFloat16());
  refuse_activations(types);
}

}  // namespace peft::cuda
