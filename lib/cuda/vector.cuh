// Loads and stores of several elements at once: 128 bits where address and stride allow it.
#pragma once

#include <cstdint>

#include "cuda/launch.h"
#include "cuda/matrix.h"

namespace peft::cuda {

// What a pack's address is a multiple of: the memory's words are of 128 bits, longer packs are several of them.
template <typename T, int width>
inline constexpr int pack_alignment = sizeof(T) * width < 16 ? sizeof(T) * width : 16;

template <typename T, int width>
struct alignas(pack_alignment<T, width>) Pack {
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

// Whether packs of `width` may be loaded from each row of `m` on.
template <int width, typename T>
bool rows_aligned(const Matrix<T>& m) {
  constexpr int bytes = pack_alignment<T, width>;
  return reinterpret_cast<uintptr_t>(m.data) % bytes == 0 &&
         (m.rows <= 1 || m.stride % (bytes / static_cast<int>(sizeof(T))) == 0);
}

}  // namespace peft::cuda
