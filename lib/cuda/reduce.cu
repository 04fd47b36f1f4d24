// Sums over rows and over everything.
#include "cuda/reduce.cuh"

#include "cuda/column_sums.cuh"
#include "cuda/cublaslt.h"
#include "cuda/cuda_backend.h"
#include "cuda/floats.cuh"

namespace peft::cuda {
namespace {

template <typename T>
struct ValueTerm {
  using Element = T;
  Matrix<const T> x;
  bool pairs() const { return rows_aligned<2>(x); }
  template <int width>
  __device__ Floats<width> operator()(int64_t row, int64_t column) const {
    return load_floats<width>(x.row(row) + column);
  }
};
template <typename T>
struct ProductTerm {
  using Element = T;
  Matrix<const T> a, b;
  bool pairs() const { return rows_aligned<2>(a) && rows_aligned<2>(b); }
  template <int width>
  __device__ Floats<width> operator()(int64_t row, int64_t column) const {
    Floats<width> values = load_floats<width>(a.row(row) + column);
    const Floats<width> factor = load_floats<width>(b.row(row) + column);
    for (int i = 0; i < width; ++i) values.v[i] *= factor.v[i];
    return values;
  }
};

// In f64, so that only a sum that f32 cannot hold is infinite. Blocks leave their sums in `partial`, which another block
// adds up; a single one needs no second.
constexpr unsigned square_threads = 512, most_square_blocks = 512;
constexpr int64_t square_columns = 16384;  // of a row that a dense matrix is cut into

// 2^shift threads lie along a row, the others over rows. `elements`: of all rows; the last one may be short.
template <int width>
__global__ void __launch_bounds__(square_threads)
    sum_squares_kernel(Matrix<const float> x, int64_t elements, unsigned shift, double* partial, float* y) {
  double total = 0;
  const auto add = [&](const auto& pack) {
    for (const float element : pack.v) total = fma(static_cast<double>(element), static_cast<double>(element), total);
  };
  const int64_t step = (int64_t{1} << shift) * width, first = (threadIdx.x & ((1u << shift) - 1)) * int64_t{width};
  const int64_t rows_at_once = square_threads >> shift;
  for (int64_t row = blockIdx.x * rows_at_once + (threadIdx.x >> shift); row < x.rows; row += gridDim.x * rows_at_once) {
    const float* const from = x.row(row);
    const int64_t left = elements - row * x.columns, columns = left < x.columns ? left : x.columns;
    int64_t column = first;
    for (; column + 3 * step + width <= columns; column += 4 * step) {  // four packs on their way at once
      Floats<width> packs[4];
      for (int k = 0; k < 4; ++k) packs[k] = load<width>(from + column + k * step);
      for (int k = 0; k < 4; ++k) add(packs[k]);
    }
    for (; column + width <= columns; column += step) add(load<width>(from + column));
    for (; column < columns; ++column) add(load<1>(from + column));
  }
  total = block_sum(total);
  if (threadIdx.x != 0) return;
  if (gridDim.x > 1) {
    partial[blockIdx.x] = total;
  } else {
    *y = static_cast<float>(static_cast<double>(*y) + total);
  }
}

__global__ void __launch_bounds__(square_threads) add_partial_kernel(const double* partial, unsigned count, float* y) {
  const double total = block_sum(threadIdx.x < count ? partial[threadIdx.x] : 0.0);
  if (threadIdx.x == 0) *y = static_cast<float>(static_cast<double>(*y) + total);
}
static_assert(most_square_blocks <= square_threads);

}  // namespace

void CudaBackend::sum_rows(ConstView x, View y) {
  run("sum_rows", [&] {
    PEFT_ASSERT(y.dtype == DType::f32);
    with_activation_type({x.dtype}, [&](auto zero) {
      using T = decltype(zero);
      add_column_sums(stream(), ValueTerm<T>{matrix<const T>(x)}, x.rows(), x.columns(), y.row<float>());
    });
  });
}

void CudaBackend::multiply_sum_rows(ConstView a, ConstView b, View y) {
  run("multiply_sum_rows", [&] {
    PEFT_ASSERT(y.dtype == DType::f32);
    with_activation_type({a.dtype, b.dtype}, [&](auto zero) {
      using T = decltype(zero);
      const ProductTerm<T> term{matrix<const T>(a), matrix<const T>(b)};
      add_column_sums(stream(), term, a.rows(), a.columns(), y.row<float>());
    });
  });
}

void CudaBackend::sum_squares(ConstView x, View y) {
  run("sum_squares", [&] {
    PEFT_ASSERT(x.dtype == DType::f32 && y.dtype == DType::f32);
    if (x.elements() == 0) return;
    const int64_t elements = x.elements();
    Matrix<const float> all = matrix<const float>(x);
    if (x.dense()) {
      const int64_t columns = elements < square_columns ? elements : square_columns;
      all = {all.data, (elements + columns - 1) / columns, columns, columns};
    }
    const bool wide = rows_aligned<4>(all);
    const int64_t packs = wide ? (all.columns + 3) / 4 : all.columns;
    unsigned shift = 0;
    while ((1u << shift) < square_threads && (int64_t{1} << shift) < packs) ++shift;
    const unsigned blocks = blocks_for(all.rows, square_threads >> shift, most_square_blocks);
    // The workspace is of this stream's products, none of which runs now.
    auto* const partial = reinterpret_cast<double*>(cublaslt_->workspace());
    launch(stream(), dim3(blocks), dim3(square_threads), 0, wide ? sum_squares_kernel<4> : sum_squares_kernel<1>, all,
           elements, shift, partial, y.row<float>());
    if (blocks > 1)
      launch(stream(), dim3(1), dim3(square_threads), 0, add_partial_kernel, partial, blocks, y.row<float>());
  });
}

}  // namespace peft::cuda
