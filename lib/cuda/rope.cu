// Rotary positions: a thread turns pairs of one head and row.
#include "cuda/cuda_backend.h"
#include "cuda/floats.cuh"
#include "cuda/spans.cuh"

namespace peft::cuda {
namespace {

// Columns are pairs: head * half + i.
template <typename T>
struct Rope {
  int32_t head_dim, half;
  float sign;
  Matrix<const T> x;
  Matrix<const float> table;
  const int32_t* positions;
  Matrix<T> y;

  template <int width>
  __device__ void operator()(int64_t row, int64_t column) const {
    const int32_t pair = static_cast<int32_t>(column), head = pair / half, i = pair - head * half;
    const float* const angles = table.row(positions[row]) + i;
    const int64_t place = static_cast<int64_t>(head) * head_dim + i;
    const T* const from = x.row(row) + place;
    T* const to = y.row(row) + place;
    const Floats<width> cosine = load<width>(angles), sine = load<width>(angles + half);
    const Floats<width> first = load_floats<width>(from), second = load_floats<width>(from + half);
    Floats<width> left, right;
#pragma unroll
    for (int k = 0; k < width; ++k) {
      const float s = sign * sine.v[k];
      left.v[k] = fmaf(-second.v[k], s, first.v[k] * cosine.v[k]);
      right.v[k] = fmaf(first.v[k], s, second.v[k] * cosine.v[k]);
    }
    store_floats(left, to);
    store_floats(right, to + half);
  }
};

// What does not rotate: columns are head * rest + i.
template <typename T>
struct CopyRest {
  int32_t head_dim, rotary_dim;
  Matrix<const T> x;
  Matrix<T> y;

  template <int width>
  __device__ void operator()(int64_t row, int64_t column) const {
    const int32_t rest = head_dim - rotary_dim, head = static_cast<int32_t>(column) / rest;
    const int64_t place = static_cast<int64_t>(head) * head_dim + rotary_dim + (column - int64_t{head} * rest);
    store(load<width>(x.row(row) + place), y.row(row) + place);
  }
};

template <typename T>
void rotate(cudaStream_t stream, const RopeOptions& options, const ConstView& x, const ConstView& positions,
            const ConstView& table, const View& y) {
  constexpr int width = wide_pack<T>;
  const int32_t half = options.rotary_dim / 2, rest = options.head_dim - 2 * half;
  const Matrix<const T> from = matrix<const T>(x);
  const Matrix<const float> angles = matrix<const float>(table);
  const Matrix<T> to = matrix<T>(y);
  const bool wide = rows_aligned<width>(from) && rows_aligned<width>(to) && options.head_dim % width == 0;
  if (half > 0) {
    const Rope<T> body{options.head_dim, half, options.inverse ? -1.0f : 1.0f, from, angles, positions.row<int32_t>(),
                       to};
    for_packs<width>(stream, wide && rows_aligned<width>(angles) && half % width == 0, /*dense=*/false, x.rows(),
                     int64_t{options.heads} * half, body);
  }
  if (rest > 0 && x.data != y.data) {
    const CopyRest<T> body{options.head_dim, 2 * half, from, to};
    for_packs<width>(stream, wide && rest % width == 0, /*dense=*/false, x.rows(), int64_t{options.heads} * rest, body);
  }
}

}  // namespace

void CudaBackend::rope(const RopeOptions& options, ConstView x, ConstView positions, ConstView table, View y) {
  run("rope", [&] {
    PEFT_ASSERT(table.dtype == DType::f32);
    with_activation_type({x.dtype, y.dtype}, [&](auto zero) {
      rotate<decltype(zero)>(stream(), options, x, positions, table, y);
    });
  });
}

}  // namespace peft::cuda
