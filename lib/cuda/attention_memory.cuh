// How attention reads and writes rows in memory: 128 bits at once where addresses allow it, elements elsewhere.
#pragma once

#include <cstdint>

#include "cuda/convert.cuh"
#include "cuda/launch.h"

#ifdef PEFT_CUDA_EMULATED
#define PEFT_UNROLL
#define PEFT_UNROLL_BY(count)
#else
#define PEFT_PRAGMA(text) _Pragma(#text)
#define PEFT_UNROLL _Pragma("unroll")
#define PEFT_UNROLL_BY(count) PEFT_PRAGMA(unroll count)
#endif

namespace peft::cuda {

// Of shared memory that the kernels with tiles declare themselves, beside what their launches ask for
// (tests/cuda_module/resources.py).
inline constexpr int64_t most_declared_bytes = 4096;

__device__ inline bool aligned_16(const void* p) { return (reinterpret_cast<uintptr_t>(p) & 15) == 0; }

// As many elements as 128 bits hold.
template <typename T>
inline constexpr int pack_width = 16 / static_cast<int>(sizeof(T));

template <typename T>
struct alignas(16) Pack16 {
  T v[pack_width<T>];
};

// Columns [column, column + pack_width) of a row of `width`; zeros beyond.
template <typename T>
__device__ inline Pack16<T> load_pack(const T* row, int column, int width) {
  const T* from = row + column;
  if (column + pack_width<T> <= width && aligned_16(from)) return *reinterpret_cast<const Pack16<T>*>(from);
  Pack16<T> pack{};
  PEFT_UNROLL
  for (int i = 0; i < pack_width<T>; ++i)
    if (column + i < width) pack.v[i] = from[i];
  return pack;
}
template <typename T>
__device__ inline void store_pack(const Pack16<T>& pack, T* row, int column, int width) {
  T* to = row + column;
  if (column + pack_width<T> <= width && aligned_16(to)) {
    *reinterpret_cast<Pack16<T>*>(to) = pack;
    return;
  }
  PEFT_UNROLL
  for (int i = 0; i < pack_width<T>; ++i)
    if (column + i < width) to[i] = pack.v[i];
}

}  // namespace peft::cuda
