// One pass over the elements of [rows, columns] views.
//
// A Body is plain data with
//   template <int width> __device__ void operator()(int64_t row, int64_t column) const;
// for `width` elements from (row, column) on. It is called with `Body::width` where that many are left, else with 1.
#pragma once

#include <cstdint>

#include "cuda/launch.h"

namespace peft::cuda {

inline constexpr unsigned span_threads = 256;

// How a block's threads lie over the matrix: 2^shift along a row, the others over rows.
struct SpanLayout {
  int64_t rows, columns;
  unsigned shift, blocks_a_row;
};

template <int width, typename Body>
__global__ void __launch_bounds__(span_threads) span_kernel(SpanLayout layout, Body body) {
  const unsigned along = threadIdx.x & ((1u << layout.shift) - 1), across = threadIdx.x >> layout.shift;
  const unsigned row_block = blockIdx.x / layout.blocks_a_row, column_block = blockIdx.x % layout.blocks_a_row;
  const int64_t row = static_cast<int64_t>(row_block) * (span_threads >> layout.shift) + across;
  const int64_t column = ((static_cast<int64_t>(column_block) << layout.shift) + along) * width;
  if (row >= layout.rows || column >= layout.columns) return;
  if (column + width <= layout.columns) {
    body.template operator()<width>(row, column);
  } else {
    for (int64_t c = column; c < layout.columns; ++c) body.template operator()<1>(row, c);
  }
}

// `dense`: all views involved are, and rows mean nothing; then they are one row.
template <int width, typename Body>
void for_spans(cudaStream_t stream, bool dense, int64_t rows, int64_t columns, const Body& body) {
  if (rows <= 0 || columns <= 0) return;
  SpanLayout layout{dense ? 1 : rows, dense ? rows * columns : columns, 0, 1};
  const int64_t packs = (layout.columns + width - 1) / width;
  while ((1u << layout.shift) < span_threads && (int64_t{1} << layout.shift) < packs) ++layout.shift;
  layout.blocks_a_row = blocks_for(packs, int64_t{1} << layout.shift);
  const int64_t row_blocks = (layout.rows + (span_threads >> layout.shift) - 1) / (span_threads >> layout.shift);
  const int64_t blocks = row_blocks * layout.blocks_a_row;
  PEFT_ASSERT(blocks < int64_t{1} << 31);
  launch(stream, dim3(static_cast<unsigned>(blocks)), dim3(span_threads), 0, span_kernel<width, Body>, layout, body);
}

// With packs of `width` where all views allow it.
template <int width, typename Body>
void for_packs(cudaStream_t stream, bool wide, bool dense, int64_t rows, int64_t columns, const Body& body) {
  if (wide) {
    for_spans<width>(stream, dense, rows, columns, body);
  } else {
    for_spans<1>(stream, dense, rows, columns, body);
  }
}
template <typename Body>
void for_floats(cudaStream_t stream, bool wide, bool dense, int64_t rows, int64_t columns, const Body& body) {
  for_packs<4>(stream, wide, dense, rows, columns, body);
}

}  // namespace peft::cuda
