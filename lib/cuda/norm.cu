// RMS norm and layer norm. A block owns a row, which stays in registers between its passes where it fits.
#include "cuda/column_sums.cuh"
#include "cuda/cuda_backend.h"
#include "cuda/reduce.cuh"
#include "cuda/row.cuh"

namespace peft::cuda {
namespace {

template <typename T>
using Input = Matrix<const T>;
template <typename T>
using Output = Matrix<T>;

// A vector with one element a row may be [rows] (dense) or [rows, 1] (strided).
template <typename T, typename ViewType>
Matrix<T> row_vector(const ViewType& view) {
  PEFT_ASSERT(view.dtype == DType::f32);
  const int64_t stride = view.shape.rank() <= 1 ? 1 : view.row_stride;
  return {view.template row<float>(), view.shape.elements(), 1, stride};
}

// What one column adds to a mean; the kernels would pay for a division in f64.
template <typename T>
double share_of(const Input<T>& x) {
  return 1.0 / static_cast<double>(x.columns);
}

template <int width>
__device__ float sum(const Floats<width>& pack) {
  float total = pack.v[0];
  for (int i = 1; i < width; ++i) total += pack.v[i];
  return total;
}

template <typename T, int width, bool held>
__global__ void __launch_bounds__(most_row_threads, 1)
    rms_norm_kernel(Input<T> x, double share, const float* weight, float eps, Output<T> y, Output<float> rstd) {
  const int64_t r = blockIdx.x;
  const BlockRow<T, width, held> in(x.row(r), x.columns);
  double squares = 0;
  in.each([&](int64_t, Floats<width> values) {
    for (int i = 0; i < width; ++i) values.v[i] *= values.v[i];
    squares += static_cast<double>(sum(values));
  });
  const float inverse = static_cast<float>(rsqrt(block_sum(squares) * share + static_cast<double>(eps)));
  if (threadIdx.x == 0) rstd.at(r, 0) = inverse;
  T* const out = y.row(r);
  in.each([&](int64_t column, Floats<width> values) {
    const Floats<width> factor = load<width>(weight + column);
    for (int i = 0; i < width; ++i) values.v[i] = values.v[i] * inverse * factor.v[i];
    store_floats(values, out + column);
  });
}

// dx may lie over dy.
template <typename T, int width, bool held>
__global__ void __launch_bounds__(most_row_threads, 1)
    rms_norm_backward_kernel(Input<T> x, double share, const float* weight, Input<float> rstd, Input<T> dy,
                             bool accumulate, Output<T> dx) {
  const int64_t r = blockIdx.x;
  const BlockRow<T, width, held> in(x.row(r), x.columns), upstream(dy.row(r), x.columns);
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
  T* const out = dx.row(r);
  each_of(in, upstream, [&](int64_t column, const Floats<width>& values, Floats<width> g) {
    const Floats<width> factor = load<width>(weight + column);
    for (int i = 0; i < width; ++i) g.v[i] = inverse * fmaf(-values.v[i], along, g.v[i] * factor.v[i]);
    if (accumulate) {
      const Floats<width> before = load_floats<width>(out + column);
      for (int i = 0; i < width; ++i) g.v[i] += before.v[i];
    }
    store_floats(g, out + column);
  });
}

// bias may be null. Two passes for the variance: one-pass formulas cancel when the mean is large.
template <typename T, int width, bool held>
__global__ void __launch_bounds__(most_row_threads, 1)
    layer_norm_kernel(Input<T> x, double share, const float* weight, const float* bias, float eps, Output<T> y,
                      Output<float> mean, Output<float> rstd) {
  const int64_t r = blockIdx.x;
  const BlockRow<T, width, held> in(x.row(r), x.columns);
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
  T* const out = y.row(r);
  in.each([&](int64_t column, Floats<width> values) {
    const Floats<width> factor = load<width>(weight + column);
    Floats<width> shift{};
    if (bias != nullptr) shift = load<width>(bias + column);
    for (int i = 0; i < width; ++i) values.v[i] = fmaf((values.v[i] - middle) * inverse, factor.v[i], shift.v[i]);
    store_floats(values, out + column);
  });
}

// dx may lie over dy.
template <typename T, int width, bool held>
__global__ void __launch_bounds__(most_row_threads, 1)
    layer_norm_backward_kernel(Input<T> x, double share, const float* weight, Input<float> mean, Input<float> rstd,
                               Input<T> dy, bool accumulate, Output<T> dx) {
  const int64_t r = blockIdx.x;
  const BlockRow<T, width, held> in(x.row(r), x.columns), upstream(dy.row(r), x.columns);
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
  T* const out = dx.row(r);
  each_of(in, upstream, [&](int64_t column, const Floats<width>& values, Floats<width> g) {
    const Floats<width> factor = load<width>(weight + column);
    for (int i = 0; i < width; ++i) {
      const float normal = (values.v[i] - middle) * inverse;
      g.v[i] = inverse * fmaf(-normal, along, fmaf(g.v[i], factor.v[i], -offset));
    }
    if (accumulate) {
      const Floats<width> before = load_floats<width>(out + column);
      for (int i = 0; i < width; ++i) g.v[i] += before.v[i];
    }
    store_floats(g, out + column);
  });
}

// dweight's terms; mean.data may be null (zero).
template <typename T>
struct WeightTerm {
  using Element = T;
  Input<T> x, dy;
  Input<float> mean, rstd;
  bool pairs() const { return rows_aligned<2>(x) && rows_aligned<2>(dy); }
  template <int width>
  __device__ Floats<width> operator()(int64_t row, int64_t column) const {
    const float middle = mean.data != nullptr ? mean.at(row, 0) : 0.0f, inverse = rstd.at(row, 0);
    Floats<width> values = load_floats<width>(x.row(row) + column);
    const Floats<width> upstream = load_floats<width>(dy.row(row) + column);
    for (int i = 0; i < width; ++i) values.v[i] = upstream.v[i] * ((values.v[i] - middle) * inverse);
    return values;
  }
};
template <typename T>
struct BiasTerm {
  using Element = T;
  Input<T> dy;
  bool pairs() const { return rows_aligned<2>(dy); }
  template <int width>
  __device__ Floats<width> operator()(int64_t row, int64_t column) const {
    return load_floats<width>(dy.row(row) + column);
  }
};

bool aligned(const float* vector) { return reinterpret_cast<uintptr_t>(vector) % 16 == 0; }

template <typename T, typename... Matrices>
bool wide(const Matrices&... all) {
  return (rows_aligned<wide_pack<T>>(all) && ...);
}

// Weights and biases, and their gradients; null for none.
const float* vector_of(const ConstView& view) {
  PEFT_ASSERT(view.dtype == DType::f32);
  return view ? view.row<float>() : nullptr;
}
float* vector_of(const View& view) {
  PEFT_ASSERT(view.dtype == DType::f32);
  return view ? view.row<float>() : nullptr;
}

}  // namespace

void CudaBackend::rms_norm(ConstView x, ConstView weight, float eps, View y, View rstd) {
  run("rms_norm", [&] {
    const Output<float> inverse = row_vector<float>(rstd);
    const float* const factor = vector_of(weight);
    with_activation_type({x.dtype, y.dtype}, [&](auto zero) {
      using T = decltype(zero);
      const Input<T> in = matrix<const T>(x);
      const Output<T> out = matrix<T>(y);
      for_row_layout<T>(wide<T>(in, out) && aligned(factor), in.columns, [&](auto layout, unsigned threads) {
        launch(stream(), row_blocks(in.rows), dim3(threads), 0, rms_norm_kernel<T, layout.width, layout.held>, in,
               share_of(in), factor, eps, out, inverse);
      });
    });
  });
}

void CudaBackend::rms_norm_backward(ConstView x, ConstView weight, ConstView rstd, ConstView dy, bool accumulate,
                                    View dx, View dweight) {
  run("rms_norm_backward", [&] {
    const Input<float> inverse = row_vector<const float>(rstd);
    const float* const factor = vector_of(weight);
    with_activation_type({x.dtype, dy.dtype, dx.dtype}, [&](auto zero) {
      using T = decltype(zero);
      const Input<T> in = matrix<const T>(x), upstream = matrix<const T>(dy);
      const Output<T> out = matrix<T>(dx);
      // Before dx, which may lie over dy.
      if (dweight) {
        const WeightTerm<T> term{in, upstream, Input<float>(), inverse};
        add_column_sums(stream(), term, in.rows, in.columns, vector_of(dweight));
      }
      for_row_layout<T>(wide<T>(in, upstream, out) && aligned(factor), in.columns, [&](auto layout, unsigned threads) {
        launch(stream(), row_blocks(in.rows), dim3(threads), 0, rms_norm_backward_kernel<T, layout.width, layout.held>,
               in, share_of(in), factor, inverse, upstream, accumulate, out);
      });
    });
  });
}

void CudaBackend::layer_norm(ConstView x, ConstView weight, ConstView bias, float eps, View y, View mean, View rstd) {
  run("layer_norm", [&] {
    const Output<float> middle = row_vector<float>(mean), inverse = row_vector<float>(rstd);
    const float *const factor = vector_of(weight), *const shift = vector_of(bias);
    with_activation_type({x.dtype, y.dtype}, [&](auto zero) {
      using T = decltype(zero);
      const Input<T> in = matrix<const T>(x);
      const Output<T> out = matrix<T>(y);
      const bool packs = wide<T>(in, out) && aligned(factor) && aligned(shift);
      for_row_layout<T>(packs, in.columns, [&](auto layout, unsigned threads) {
        launch(stream(), row_blocks(in.rows), dim3(threads), 0, layer_norm_kernel<T, layout.width, layout.held>, in,
               share_of(in), factor, shift, eps, out, middle, inverse);
      });
    });
  });
}

void CudaBackend::layer_norm_backward(ConstView x, ConstView weight, ConstView mean, ConstView rstd, ConstView dy,
                                      bool accumulate, View dx, View dweight, View dbias) {
  run("layer_norm_backward", [&] {
    const Input<float> middle = row_vector<const float>(mean), inverse = row_vector<const float>(rstd);
    const float* const factor = vector_of(weight);
    with_activation_type({x.dtype, dy.dtype, dx.dtype}, [&](auto zero) {
      using T = decltype(zero);
      const Input<T> in = matrix<const T>(x), upstream = matrix<const T>(dy);
      const Output<T> out = matrix<T>(dx);
      // Before dx, which may lie over dy.
      if (dweight) {
        const WeightTerm<T> term{in, upstream, middle, inverse};
        add_column_sums(stream(), term, in.rows, in.columns, vector_of(dweight));
      }
      if (dbias) add_column_sums(stream(), BiasTerm<T>{upstream}, in.rows, in.columns, vector_of(dbias));
      for_row_layout<T>(wide<T>(in, upstream, out) && aligned(factor), in.columns, [&](auto layout, unsigned threads) {
        launch(stream(), row_blocks(in.rows), dim3(threads), 0,
               layer_norm_backward_kernel<T, layout.width, layout.held>, in, share_of(in), factor, middle, inverse,
               upstream, accumulate, out);
      });
    });
  });
}

}  // namespace peft::cuda
