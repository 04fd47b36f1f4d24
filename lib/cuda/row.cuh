// A row of activations spread over a block: thread t has packs t, t + threads and so on. Rows that fit are read from
// memory once and held in registers, as they are stored; wider ones are read again by every pass.
#pragma once

#include <cstdint>

#include "cuda/floats.cuh"
#include "cuda/launch.h"

namespace peft::cuda {

inline constexpr int packs_held = 4;
inline constexpr unsigned most_row_threads = 512;

template <typename T, int width, bool held>
class BlockRow {
 public:
  __device__ BlockRow(const T* row, int64_t columns) : row_(row), columns_(columns) {
    if constexpr (held) {
      for (int k = 0; k < packs_held; ++k) {
        const int64_t column = first() + k * step();
        if (column < columns_) packs_[k] = load<width>(row_ + column);
      }
    }
  }
  // body(column, floats) for this thread's packs in order.
  template <typename Body>
  __device__ void each(const Body& body) const {
    visit([&](int k, int64_t column) { body(column, at(k, column)); });
  }
  // Two rows of the same number of columns side by side.
  template <typename Body>
  __device__ friend void each_of(const BlockRow& a, const BlockRow& b, const Body& body) {
    a.visit([&](int k, int64_t column) { body(column, a.at(k, column), b.at(k, column)); });
  }

 private:
  __device__ static int64_t first() { return static_cast<int64_t>(threadIdx.x) * width; }
  __device__ static int64_t step() { return static_cast<int64_t>(blockDim.x) * width; }
  __device__ Floats<width> at(int k, int64_t column) const {
    if constexpr (held) {
      return to_floats(packs_[k]);
    } else {
      return load_floats<width>(row_ + column);
    }
  }
  template <typename Body>
  __device__ void visit(const Body& body) const {
    if constexpr (held) {
      for (int k = 0; k < packs_held; ++k) {
        const int64_t column = first() + k * step();
        if (column < columns_) body(k, column);
      }
    } else {
      for (int64_t column = first(); column < columns_; column += step()) body(0, column);
    }
  }

  const T* row_;
  int64_t columns_;
  Pack<T, width> packs_[held ? packs_held : 1];
};

template <int pack_width, bool fits>
struct RowLayout {
  static constexpr int width = pack_width;
  static constexpr bool held = fits;
};

// start(layout, threads) with the pack width and the number of threads for rows of that many columns of T.
// `wide`: every row begins at a multiple of 16 bytes.
template <typename T, typename Start>
void for_row_layout(bool wide, int64_t columns, const Start& start) {
  constexpr int width = wide_pack<T>;
  wide = wide && columns % width == 0;
  const int64_t packs = wide ? columns / width : columns;
  const int64_t warps = (packs + packs_held * int64_t{warp_size} - 1) / (packs_held * int64_t{warp_size});
  const bool held = warps * warp_size <= most_row_threads;
  const unsigned threads = held ? static_cast<unsigned>(warps > 0 ? warps : 1) * warp_size : most_row_threads;
  if (wide) return held ? start(RowLayout<width, true>(), threads) : start(RowLayout<width, false>(), threads);
  return held ? start(RowLayout<1, true>(), threads) : start(RowLayout<1, false>(), threads);
}

inline dim3 row_blocks(int64_t rows) {
  PEFT_ASSERT(rows < int64_t{1} << 31);
  return dim3(static_cast<unsigned>(rows));
}

}  // namespace peft::cuda
