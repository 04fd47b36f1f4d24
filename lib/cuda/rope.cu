// Rotary positions: a thread turns pairs of one head and row.
#include "cuda/cuda_backend.h"
#include "cuda/spans.cuh"
#include "cuda/vector.cuh"

namespace peft::cuda {
namespace {

// Columns are pairs: head * half + i.
struct Rope {
  int32_t head_dim, half;
  float sign;
  Matrix<const float> x, table;
  const int32_t* positions;
  Matrix<float> y;

  template <int width>
  __device__ void operator()(int64_t row, int64_t column) const {
    const int32_t pair = static_cast<int32_t>(column), head = pair / half, i = pair - head * half;
    const float* const angles = table.row(positions[row]) + i;
    const int64_t place = static_cast<int64_t>(head) * head_dim + i;
    const float* const from = x.row(row) + place;
    float* const to = y.row(row) + place;
    const Floats<width> cosine = load<width>(angles), sine = load<width>(angles + half);
    const Floats<width> first = load<width>(from), second = load<width>(from + half);
    Floats<width> left, right;
    for (int k = 0; k < width; ++k) {
      const float s = sign * sine.v[k];
      left.v[k] = fmaf(-second.v[k], s, first.v[k] * cosine.v[k]);
      right.v[k] = fmaf(first.v[k], s, second.v[k] * cosine.v[k]);
    }
    store(left, to);
    store(right, to + half);
  }
};

// What does not rotate: columns are head * rest + i.
struct CopyRest {
  int32_t head_dim, rotary_dim;
  Matrix<const float> x;
  Matrix<float> y;

  template <int width>
  __device__ void operator()(int64_t row, int64_t column) const {
    const int32_t rest = head_dim - rotary_dim, head = static_cast<int32_t>(column) / rest;
    const int64_t place = static_cast<int64_t>(head) * head_dim + rotary_dim + (column - int64_t{head} * rest);
    store(load<width>(x.row(row) + place), y.row(row) + place);
  }
};

}  // namespace

void CudaBackend::rope(const RopeOptions& options, ConstView x, ConstView positions, ConstView table, View y) {
  run("rope", [&] {
    const int32_t half = options.rotary_dim / 2, rest = options.head_dim - 2 * half;
    const Matrix<const float> from = matrix<const float>(x), angles = matrix<const float>(table);
    const Matrix<float> to = matrix<float>(y);
    const bool wide = rows_aligned<4>(from) && rows_aligned<4>(to) && options.head_dim % 4 == 0;
    if (half > 0) {
      const Rope body{options.head_dim,         half, options.inverse ? -1.0f : 1.0f, from, angles,
                      positions.row<int32_t>(), to};
      for_floats(stream(), wide && rows_aligned<4>(angles) && half % 4 == 0, /*dense=*/false, x.rows(),
                 int64_t{options.heads} * half, body);
    }
    if (rest > 0 && x.data != y.data) {
      const CopyRest body{options.head_dim, 2 * half, from, to};
      for_floats(stream(), wide && rest % 4 == 0, /*dense=*/false, x.rows(), int64_t{options.heads} * rest, body);
    }
  });
}

}  // namespace peft::cuda
