// Sums over rows and over everything.
#include "cuda/reduce.cuh"

#include "cuda/column_sums.cuh"
#include "cuda/cuda_backend.h"
#include "cuda/vector.cuh"

namespace peft::cuda {
namespace {

struct Element {
  Matrix<const float> x;
  __device__ float operator()(int64_t row, int64_t column) const { return x.at(row, column); }
};
struct Product {
  Matrix<const float> a, b;
  __device__ float operator()(int64_t row, int64_t column) const { return a.at(row, column) * b.at(row, column); }
};

// One block: there is no scratch for the sums of several. In f64, so that only a sum that f32 cannot hold is infinite.
constexpr unsigned square_threads = 1024;

// 2^shift threads lie along a row, the others over rows.
template <int width>
__global__ void __launch_bounds__(square_threads) sum_squares_kernel(Matrix<const float> x, unsigned shift, float* y) {
  double total = 0;
  const auto add = [&](const auto& pack) {
    for (const float element : pack.v) total = fma(static_cast<double>(element), static_cast<double>(element), total);
  };
  const int64_t step = (int64_t{1} << shift) * width, first = (threadIdx.x & ((1u << shift) - 1)) * int64_t{width};
  for (int64_t row = threadIdx.x >> shift; row < x.rows; row += square_threads >> shift) {
    const float* const from = x.row(row);
    int64_t column = first;
    for (; column + 3 * step + width <= x.columns; column += 4 * step) {  // four packs on their way at once
      Floats<width> packs[4];
      for (int k = 0; k < 4; ++k) packs[k] = load<width>(from + column + k * step);
      for (int k = 0; k < 4; ++k) add(packs[k]);
    }
    for (; column + width <= x.columns; column += step) add(load<width>(from + column));
    for (; column < x.columns; ++column) add(load<1>(from + column));
  }
  total = block_sum(total);
  if (threadIdx.x == 0) *y = static_cast<float>(static_cast<double>(*y) + total);
}

}  // namespace

void CudaBackend::sum_rows(ConstView x, View y) {
  run("sum_rows",
      [&] { add_column_sums(stream(), Element{matrix<const float>(x)}, x.rows(), x.columns(), y.row<float>()); });
}

void CudaBackend::multiply_sum_rows(ConstView a, ConstView b, View y) {
  run("multiply_sum_rows", [&] {
    add_column_sums(stream(), Product{matrix<const float>(a), matrix<const float>(b)}, a.rows(), a.columns(),
                    y.row<float>());
  });
}

void CudaBackend::sum_squares(ConstView x, View y) {
  run("sum_squares", [&] {
    if (x.elements() == 0) return;
    Matrix<const float> all = matrix<const float>(x);
    if (x.dense()) all = {all.data, 1, all.rows * all.columns, all.rows * all.columns};
    const bool wide = rows_aligned<4>(all);
    const int64_t packs = wide ? (all.columns + 3) / 4 : all.columns;
    unsigned shift = 0;
    while ((1u << shift) < square_threads && (int64_t{1} << shift) < packs) ++shift;
    launch(stream(), dim3(1), dim3(square_threads), 0, wide ? sum_squares_kernel<4> : sum_squares_kernel<1>, all, shift,
           y.row<float>());
  });
}

}  // namespace peft::cuda
