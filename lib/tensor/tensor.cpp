#include "tensor/tensor.h"

namespace peft {

Tensor::Tensor(std::shared_ptr<Storage> storage, const Shape& shape, DType dtype)
    : storage_(std::move(storage)), shape_(shape), row_stride_(shape.columns()), dtype_(dtype) {
  PEFT_ASSERT(storage_ != nullptr);
  check(storage_bytes(dtype, shape) <= storage_->bytes(), Code::mismatch,
        "tensor {} of {}: expected {} bytes, found {}", to_string(shape), name_of(dtype),
        storage_bytes(dtype, shape), storage_->bytes());
  if (is_nf4(dtype)) all_rows_ = shape.rows();
}

View Tensor::view() {
  View view;
  if (!storage_) return view;
  view.data = storage_->data() + byte_offset_;
  view.shape = shape_;
  view.row_stride = row_stride_;
  view.dtype = dtype_;
  view.first_row = first_row_;
  view.all_rows = all_rows_;
  return view;
}

ConstView Tensor::view() const { return const_cast<Tensor*>(this)->view(); }

Tensor Tensor::detached() const {
  Tensor result = *this;
  result.grad_.reset();
  return result;
}

Tensor Tensor::row_range(int64_t begin, int64_t count) const {
  PEFT_ASSERT(defined() && begin >= 0 && count >= 0 && count <= rows() && begin <= rows() - count);
  Tensor result = detached();
  result.shape_ = Shape{count, columns()};
  if (is_nf4(dtype_)) {
    result.first_row_ += begin;
  } else if (is_quantized(dtype_)) {
    result.byte_offset_ += begin * row_bytes(dtype_, columns());
  } else {
    result.byte_offset_ += begin * row_stride_ * traits(dtype_).block_bytes;
  }
  return result;
}

Tensor Tensor::column_range(int64_t begin, int64_t count) const {
  PEFT_ASSERT(defined() && !is_quantized(dtype_) && begin >= 0 && count >= 0 && count <= columns() &&
              begin <= columns() - count);
  Tensor result = detached();
  result.shape_ = Shape{rows(), count};
  result.byte_offset_ += begin * traits(dtype_).block_bytes;
  return result;
}

Tensor Tensor::reshaped(const Shape& shape) const {
  PEFT_ASSERT(defined() && dense() && (!is_nf4(dtype_) || all_rows_ == rows()));
  check(shape.elements() == elements(), Code::mismatch, "reshape: expected {} elements as in {}, found {}",
        elements(), to_string(shape_), to_string(shape));
  check(!is_quantized(dtype_) || is_nf4(dtype_) || shape.columns() == columns(), Code::mismatch,
        "reshape: rows of {} keep their {} columns, found {}", name_of(dtype_), columns(), shape.columns());
  Tensor result = detached();
  result.shape_ = shape;
  result.row_stride_ = shape.columns();
  if (is_nf4(dtype_)) result.all_rows_ = shape.rows();
  return result;
}

}  // namespace peft
