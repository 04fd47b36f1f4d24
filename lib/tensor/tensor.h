// The one tensor type: a shared handle to a buffer with a shape, and, where gradients are tracked, to where
// its gradient goes. Copying a handle copies no data. Use a tensor from one thread at a time; buffers of
// weights may be read by many.
#pragma once

#include <memory>
#include <vector>

#include "tensor/storage.h"
#include "tensor/view.h"

namespace peft {

struct GradTarget;  // autograd/tape.h

class Tensor {
 public:
  Tensor() = default;  // undefined
  Tensor(std::shared_ptr<Storage> storage, const Shape& shape, DType dtype);

  bool defined() const { return storage_ != nullptr; }
  explicit operator bool() const { return defined(); }
  const Shape& shape() const { return shape_; }
  DType dtype() const { return dtype_; }
  int64_t rows() const { return shape_.rows(); }
  int64_t columns() const { return shape_.columns(); }
  int64_t elements() const { return shape_.elements(); }
  bool dense() const { return row_stride_ == shape_.columns() || rows() <= 1; }
  const std::shared_ptr<Storage>& storage() const { return storage_; }

  View view();
  ConstView view() const;
  ConstView const_view() const { return view(); }

  // Aliases of the same buffer, without gradient: ops/views.h has the differentiable ones.
  Tensor row_range(int64_t begin, int64_t count) const;     // [count, columns]
  Tensor column_range(int64_t begin, int64_t count) const;  // [rows, count]
  Tensor reshaped(const Shape& shape) const;                // dense tensors only; same number of elements

  // Gradient tracking (autograd/tape.h). A detached handle shares the buffer and tracks nothing.
  bool requires_grad() const { return grad_ != nullptr; }
  const std::shared_ptr<GradTarget>& grad() const { return grad_; }
  void set_grad(std::shared_ptr<GradTarget> target) { grad_ = std::move(target); }
  Tensor detached() const;

 private:
  std::shared_ptr<Storage> storage_;
  std::shared_ptr<GradTarget> grad_;
  Shape shape_;
  int64_t byte_offset_ = 0;
  int64_t row_stride_ = 0;
  int64_t first_row_ = 0, all_rows_ = 0;  // nf4 slices, see BasicView
  DType dtype_ = DType::f32;
};

}  // namespace peft
