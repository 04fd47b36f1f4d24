// Loads and stores of several elements at once: 128 bits where address and stride allow it.
#pragma once

#include <cstdint>

#include "cuda/launch.h"
#include "cuda/matrix.h"

namespace peft::cuda {

template <typename T, int width>
struct alignas(sizeof(T) * width) Pack {
  T v[width];
};
template <int width>
using Floats = Pack<float, width>;

template <int width, typename T>
__device__ inline Pack<T, width> load(const T* p) {
  return *reinterpret_cast<const Pack<T, width>*>(p);
}
template <typename T, int width>
__device__ inline void store(const Pack<T, width>& pack, T* p) {
  *reinterpret_cast<Pack<T, width>*>(p) = pack;
}

// Whether each row of `m` begins at a multiple of `width` elements in memory.
template <int width, typename T>
bool rows_aligned(const Matrix<T>& m) {
  return reinterpret_cast<uintptr_t>(m.data) % (sizeof(T) * width) == 0 && (m.rows <= 1 || m.stride % width == 0);
}

}  // namespace peft::cuda
