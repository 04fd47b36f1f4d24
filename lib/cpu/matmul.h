// How a many-row product is cut: pure functions of shapes, so that sizes and results are the same everywhere.
#pragma once

#include <cstdint>

#include "tensor/kernel_types.h"
#include "tensor/view.h"

namespace peft {

struct MatmulPlan {
  int64_t rows = 0, columns = 0, depth = 0;  // m, n, k
  // One slice computes [slice_rows, slice_columns] of y, in steps of `tile_depth` of k where b is decoded.
  int64_t slice_rows = 0, slice_columns = 0, tile_depth = 0;
  // Up to this many columns of `a` are rounded to bf16 at a time, shared by all slices; 0 in f32.
  int64_t panel_depth = 0;
  bool few_rows = false;  // own row kernels instead of oneDNN

  int64_t tile_bytes() const;   // a decoded tile of b; one for every thread
  int64_t panel_bytes() const;  // the rounded part of a
};

inline constexpr int64_t maximum_few_rows = 8;

MatmulPlan plan_matmul(const MatmulOptions& options, const Shape& a, const Shape& b, DType b_dtype);

// The row kernels, in gemv.cpp: a [m, k], m <= maximum_few_rows, kinds nt and nn.
int64_t few_rows_scratch(const MatmulOptions& options, const MatmulPlan& plan, DType b_dtype);
void multiply_few_rows(const MatmulOptions& options, const MatmulPlan& plan, const ConstView& a,
                       const ConstView& b, const View& y, std::byte* scratch, int threads);

}  // namespace peft
