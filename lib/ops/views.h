// Ops that move or rename elements, differentiable. Results alias their input where that is said: such an
// alias counts as a holder of the buffer, so nothing works in place on it.
#pragma once

#include <span>
#include <vector>

#include "tensor/context.h"

namespace peft {

// The same elements under another shape; alias.  x dense; equal numbers of elements.
Tensor reshape(Context& context, const Tensor& x, const Shape& shape);

// Rows [begin, begin + count); alias.
Tensor row_range(Context& context, const Tensor& x, int64_t begin, int64_t count);
// Columns [begin, begin + count); alias with the row stride of x.
Tensor column_range(Context& context, const Tensor& x, int64_t begin, int64_t count);
// Consecutive column ranges of the given widths, which must sum to x's columns; aliases.
std::vector<Tensor> split_columns(Context& context, const Tensor& x, std::span<const int64_t> widths);

// Rows of all parts one after another; a copy. Equal columns.
Tensor concat_rows(Context& context, std::span<const Tensor> parts);

// y[i,:] = x[index[i],:]; a copy.  index i32 [n], each in range (the caller has checked).
Tensor gather_rows(Context& context, const Tensor& x, const Tensor& index);
// y[index[i],:] = x[i,:] in `rows` rows; rows that nothing names are 0, rows named twice are summed.
Tensor scatter_rows(Context& context, const Tensor& x, const Tensor& index, int64_t rows);

// A dense copy when x is strided, else x itself.
Tensor contiguous(Context& context, const Tensor& x);

}  // namespace peft
