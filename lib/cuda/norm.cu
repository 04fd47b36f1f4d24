// RMS norm and layer norm. A block owns a row, which stays in registers between its passes where it fits.
#include "cuda/column_sums.cuh"
#include "cuda/cuda_backend.h"
#include "cuda/reduce.cuh"
#include "cuda/row.cuh"

namespace peft::cuda {
namespace {

using Input = Matrix<const float>;
using Output = Matrix<float>;

// A vector with one element a row may be [rows] (dense) or [rows, 1] (strided).
template <typename T, typename ViewType>
Matrix<T> row_vector(const ViewType& view) {
  const int64_t stride = view.shape.rank() <= 1 ? 1 : view.row_stride;
  return {view.template row<float>(), view.shape.elements(), 1, stride};
}

// What one column adds to a mean; the kernels would pay for a division in f64.
double share_of(const Input& x) { return 1.0 / static_cast<double>(x.columns); }

template <int width>
__device__ float sum(const Floats<width>& pack) {
  float total = pack.v[0];
  for (int i = 1; i < width; ++i) total += pack.v[i];
  return total;
}

template <int width, bool held>
__global__ void __launch_bounds__(most_row_threads, 1)
    rms_norm_kernel(Input x, double share, const float* weight, float eps, Output y, Output rstd) {
  const int64_t r = blockIdx.x;
  const BlockRow<width, held> in(x.row(r), x.columns);
  double squares = 0;
  in.each([&](int64_t, Floats<width> values) {
    for (int i = 0; i < width; ++i) values.v[i] *= values.v[i];
    squares += static_cast<double>(sum(values));
  });
  const float inverse = static_cast<float>(rsqrt(block_sum(squares) * share + static_cast<double>(eps)));
  if (threadIdx.x == 0) rstd.at(r, 0) = inverse;
  float* const out = y.row(r);
  in.each([&](int64_t column, Floats<width> values) {
    const Floats<width> factor = load<width>(weight + column);
    for (int i = 0; i < width; ++i) values.v[i] = values.v[i] * inverse * factor.v[i];
    store(values, out + column);
  });
}

// dx may lie over dy.
template <int width, bool held>
__global__ void __launch_bounds__(most_row_threads, 1)
    rms_norm_backward_kernel(Input x, double share, const float* weight, Input rstd, Input dy, bool accumulate,
                             Output dx) {
  const int64_t r = blockIdx.x;
  const BlockRow<width, held> in(x.row(r), x.columns), upstream(dy.row(r), x.columns);
  double product = 0;
  each_of(in, upstream, [&](int64_t column, const Floats<width>& values, Floats<width> g) {
    const Floats<width> factor = load<width>(weight + column);
    for (int i = 0; i < width; ++i) g.v[i] = g.v[i] * factor.v[i] * values.v[i];
    product += static_cast<double>(sum(g));
  });
  const float inverse = rstd.at(r, 0);
  const double wide = static_cast<double>(inverse);
  // mean(g xhat) xhat = x rstd^2 sum(g x) / columns
  const float along = static_cast<float>(wide * wide * block_sum(product) * share);
  float* const out = dx.row(r);
  each_of(in, upstream, [&](int64_t column, const Floats<width>& values, Floats<width> g) {
    const Floats<width> factor = load<width>(weight + column);
    for (int i = 0; i < width; ++i) g.v[i] = inverse * fmaf(-values.v[i], along, g.v[i] * factor.v[i]);
    if (accumulate) {
      const Floats<width> before = load<width>(static_cast<const float*>(out + column));
      for (int i = 0; i < width; ++i) g.v[i] += before.v[i];
    }
    store(g, out + column);
  });
}

// bias may be null. Two passes for the variance: one-pass formulas cancel when the mean is large.
template <int width, bool held>
__global__ void __launch_bounds__(most_row_threads, 1)
    layer_norm_kernel(Input x, double share, const float* weight, const float* bias, float eps, Output y, Output mean,
                      Output rstd) {
  const int64_t r = blockIdx.x;
  const BlockRow<width, held> in(x.row(r), x.columns);
  double total = 0, squares = 0;
  in.each([&](int64_t, const Floats<width>& values) { total += static_cast<double>(sum(values)); });
  const float middle = static_cast<float>(block_sum(total) * share);
  in.each([&](int64_t, Floats<width> values) {
    for (int i = 0; i < width; ++i) values.v[i] = (values.v[i] - middle) * (values.v[i] - middle);
    squares += static_cast<double>(sum(values));
  });
  const float inverse = static_cast<float>(rsqrt(block_sum(squares) * share + static_cast<double>(eps)));
  if (threadIdx.x == 0) {
    mean.at(r, 0) = middle;
    rstd.at(r, 0) = inverse;
  }
  float* const out = y.row(r);
  in.each([&](int64_t column, Floats<width> values) {
    const Floats<width> factor = load<width>(weight + column);
    Floats<width> shift{};
    if (bias != nullptr) shift = load<width>(bias + column);
    for (int i = 0; i < width; ++i) values.v[i] = fmaf((values.v[i] - middle) * inverse, factor.v[i], shift.v[i]);
    store(values, out + column);
  });
}

// dx may lie over dy.
template <int width, bool held>
__global__ void __launch_bounds__(most_row_threads, 1)
    layer_norm_backward_kernel(Input x, double share, const float* weight, Input mean, Input rstd, Input dy,
                               bool accumulate, Output dx) {
  const int64_t r = blockIdx.x;
  const BlockRow<width, held> in(x.row(r), x.columns), upstream(dy.row(r), x.columns);
  const float middle = mean.at(r, 0), inverse = rstd.at(r, 0);
  double total = 0, product = 0;
  each_of(in, upstream, [&](int64_t column, const Floats<width>& values, Floats<width> g) {
    const Floats<width> factor = load<width>(weight + column);
    for (int i = 0; i < width; ++i) g.v[i] *= factor.v[i];
    total += static_cast<double>(sum(g));
    for (int i = 0; i < width; ++i) g.v[i] *= (values.v[i] - middle) * inverse;
    product += static_cast<double>(sum(g));
  });
  const float offset = static_cast<float>(block_sum(total) * share);
  const float along = static_cast<float>(block_sum(product) * share);
  float* const out = dx.row(r);
  each_of(in, upstream, [&](int64_t column, const Floats<width>& values, Floats<width> g) {
    const Floats<width> factor = load<width>(weight + column);
    for (int i = 0; i < width; ++i) {
      const float normal = (values.v[i] - middle) * inverse;
      g.v[i] = inverse * fmaf(-normal, along, fmaf(g.v[i], factor.v[i], -offset));
    }
    if (accumulate) {
      const Floats<width> before = load<width>(static_cast<const float*>(out + column));
      for (int i = 0; i < width; ++i) g.v[i] += before.v[i];
    }
    store(g, out + column);
  });
}

// dweight's terms; mean.data may be null (zero).
struct WeightTerm {
  Input x, dy, mean, rstd;
  __device__ float operator()(int64_t row, int64_t column) const {
    const float middle = mean.data != nullptr ? mean.at(row, 0) : 0.0f;
    return dy.at(row, column) * ((x.at(row, column) - middle) * rstd.at(row, 0));
  }
};
struct BiasTerm {
  Input dy;
  __device__ float operator()(int64_t row, int64_t column) const { return dy.at(row, column); }
};

bool aligned(const float* vector) { return reinterpret_cast<uintptr_t>(vector) % 16 == 0; }

}  // namespace

void CudaBackend::rms_norm(ConstView x, ConstView weight, float eps, View y, View rstd) {
  run("rms_norm", [&] {
    const Input in = matrix<const float>(x);
    const Output out = matrix<float>(y), inverse = row_vector<float>(rstd);
    const float* const factor = weight.row<float>();
    const bool wide = rows_aligned<4>(in) && rows_aligned<4>(out) && aligned(factor);
    for_row_layout(wide, in.columns, [&](auto layout, unsigned threads) {
      launch(stream(), row_blocks(in.rows), dim3(threads), 0, rms_norm_kernel<layout.width, layout.held>, in,
             share_of(in), factor, eps, out, inverse);
    });
  });
}

void CudaBackend::rms_norm_backward(ConstView x, ConstView weight, ConstView rstd, ConstView dy, bool accumulate,
                                    View dx, View dweight) {
  run("rms_norm_backward", [&] {
    const Input in = matrix<const float>(x), upstream = matrix<const float>(dy),
                inverse = row_vector<const float>(rstd);
    const Output out = matrix<float>(dx);
    // Before dx, which may lie over dy.
    if (dweight) {
      add_column_sums(stream(), WeightTerm{in, upstream, Input(), inverse}, in.rows, in.columns, dweight.row<float>());
    }
    const float* const factor = weight.row<float>();
    const bool wide = rows_aligned<4>(in) && rows_aligned<4>(upstream) && rows_aligned<4>(out) && aligned(factor);
    for_row_layout(wide, in.columns, [&](auto layout, unsigned threads) {
      launch(stream(), row_blocks(in.rows), dim3(threads), 0, rms_norm_backward_kernel<layout.width, layout.held>, in,
             share_of(in), factor, inverse, upstream, accumulate, out);
    });
  });
}

void CudaBackend::layer_norm(ConstView x, ConstView weight, ConstView bias, float eps, View y, View mean, View rstd) {
  run("layer_norm", [&] {
    const Input in = matrix<const float>(x);
    const Output out = matrix<float>(y), middle = row_vector<float>(mean), inverse = row_vector<float>(rstd);
    const float* const factor = weight.row<float>();
    const float* const shift = bias ? bias.row<float>() : nullptr;
    const bool wide = rows_aligned<4>(in) && rows_aligned<4>(out) && aligned(factor) && aligned(shift);
    for_row_layout(wide, in.columns, [&](auto layout, unsigned threads) {
      launch(stream(), row_blocks(in.rows), dim3(threads), 0, layer_norm_kernel<layout.width, layout.held>, in,
             share_of(in), factor, shift, eps, out, middle, inverse);
    });
  });
}

void CudaBackend::layer_norm_backward(ConstView x, ConstView weight, ConstView mean, ConstView rstd, ConstView dy,
                                      bool accumulate, View dx, View dweight, View dbias) {
  run("layer_norm_backward", [&] {
    const Input in = matrix<const float>(x), upstream = matrix<const float>(dy), middle = row_vector<const float>(mean),
                inverse = row_vector<const float>(rstd);
    const Output out = matrix<float>(dx);
    // Before dx, which may lie over dy.
    if (dweight) {
      add_column_sums(stream(), WeightTerm{in, upstream, middle, inverse}, in.rows, in.columns, dweight.row<float>());
    }
    if (dbias) add_column_sums(stream(), BiasTerm{upstream}, in.rows, in.columns, dbias.row<float>());
    const float* const factor = weight.row<float>();
    const bool wide = rows_aligned<4>(in) && rows_aligned<4>(upstream) && rows_aligned<4>(out) && aligned(factor);
    for_row_layout(wide, in.columns, [&](auto layout, unsigned threads) {
      launch(stream(), row_blocks(in.rows), dim3(threads), 0, layer_norm_backward_kernel<layout.width, layout.held>, in,
             share_of(in), factor, middle, inverse, upstream, accumulate, out);
    });
  });
}

}  // namespace peft::cuda
