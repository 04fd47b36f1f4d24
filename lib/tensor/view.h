// All that a kernel sees of a tensor: an address, a shape, the distance between rows, an element type.
//
// The last dimension is always dense. Leading dimensions collapse to rows(), `row_stride` elements apart;
// block layouts are dense (row_stride == columns()). Views own nothing and are passed by value.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/error.h"
#include "tensor/dtype.h"
#include "tensor/shape.h"

namespace peft {

template <typename Byte>
struct BasicView {
  Byte* data = nullptr;
  Shape shape;
  int64_t row_stride = 0;  // elements
  DType dtype = DType::f32;
  // nf4 only: blocks run over row borders, so a slice keeps the address of the whole tensor.
  int64_t first_row = 0;  // where this view's rows begin in the whole tensor
  int64_t all_rows = 0;   // rows of the whole tensor

  BasicView() = default;
  // A mutable view converts to a read-only one.
  template <typename Other, typename = std::enable_if_t<std::is_convertible_v<Other*, Byte*>>>
  BasicView(const BasicView<Other>& other)  // NOLINT: implicit on purpose
      : data(other.data),
        shape(other.shape),
        row_stride(other.row_stride),
        dtype(other.dtype),
        first_row(other.first_row),
        all_rows(other.all_rows) {}

  explicit operator bool() const { return data != nullptr; }
  int64_t rows() const { return shape.rows(); }
  int64_t columns() const { return shape.columns(); }
  int64_t elements() const { return shape.elements(); }
  bool dense() const { return row_stride == columns() || rows() <= 1; }

  // Typed address of a row; T must match dtype.
  template <typename T>
  auto row(int64_t index = 0) const {
    using Pointer = std::conditional_t<std::is_const_v<Byte>, const T*, T*>;
    return reinterpret_cast<Pointer>(data) + index * row_stride;
  }
  // Rows [begin, begin + count) as a [count, columns] view.
  BasicView row_range(int64_t begin, int64_t count) const {
    BasicView result = *this;
    result.shape = Shape{count, columns()};
    if (is_nf4(dtype)) {
      result.first_row += begin;
    } else if (is_quantized(dtype)) {
      result.data += begin * row_bytes(dtype, columns());
    } else {
      result.data += begin * row_stride * traits(dtype).block_bytes;
    }
    return result;
  }
  // Columns [begin, begin + count) of plain types.
  BasicView column_range(int64_t begin, int64_t count) const {
    PEFT_ASSERT(!is_quantized(dtype));
    BasicView result = *this;
    result.shape = Shape{rows(), count};
    result.data += begin * traits(dtype).block_bytes;
    return result;
  }
};

using View = BasicView<std::byte>;
using ConstView = BasicView<const std::byte>;

}  // namespace peft
