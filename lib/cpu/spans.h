// Cutting views into fixed slices for the thread pool.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/threads.h"
#include "tensor/view.h"

namespace peft {

// Elements of one slice: 64 KB of f32, large against the cost of handing it out, small against a layer's
// activations.
inline constexpr int64_t slice_elements = 16384;

inline int64_t rows_per_slice(int64_t columns) {
  return std::max<int64_t>(1, slice_elements / std::max<int64_t>(1, columns));
}

// Calls body(row, column, count) for stretches of contiguous elements that cover a [rows, columns] shape, in
// parallel. `dense`: all views involved are; then stretches run over row borders, counted from row 0.
template <typename Body>
void for_spans(int threads, bool dense, int64_t rows, int64_t columns, const Body& body) {
  if (rows <= 0 || columns <= 0) return;
  if (dense) {
    parallel_for(rows * columns, slice_elements, threads,
                 [&](int64_t begin, int64_t end) { body(int64_t{0}, begin, end - begin); });
  } else {
    parallel_for(rows, rows_per_slice(columns), threads, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) body(row, int64_t{0}, columns);
    });
  }
}

inline const float* at(ConstView view, int64_t row, int64_t column) { return view.row<float>(row) + column; }
inline float* at(View view, int64_t row, int64_t column) { return view.row<float>(row) + column; }

}  // namespace peft
