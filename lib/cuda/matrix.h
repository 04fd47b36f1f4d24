// What a kernel gets of a view: plain data, without the checks and shapes of the host.
#pragma once

#include <cstdint>

#include "tensor/view.h"

namespace peft::cuda {

template <typename T>
struct Matrix {
  T* data = nullptr;
  int64_t rows = 0, columns = 0, stride = 0;  // elements

  __host__ __device__ T* row(int64_t index) const { return data + index * stride; }
  __host__ __device__ T& at(int64_t r, int64_t c) const { return data[r * stride + c]; }
};

// T must match the view's dtype; Matrix<const T> of a ConstView.
template <typename T>
Matrix<T> matrix(const View& view) {
  return {reinterpret_cast<T*>(view.data), view.rows(), view.columns(), view.row_stride};
}
template <typename T>
Matrix<const T> matrix(const ConstView& view) {
  return {reinterpret_cast<const T*>(view.data), view.rows(), view.columns(), view.row_stride};
}

}  // namespace peft::cuda
