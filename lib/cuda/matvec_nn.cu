// One row times b [k, n] (a Conv1D layer): a lane owns neighbouring columns, the warps of a block share the rows of b
// and add their sums in order.
#include "cuda/matvec.cuh"

namespace peft::cuda {
namespace {

constexpr int column_threads = 1024, column_warps = column_threads / 32;

struct ColumnShape {
  int64_t n = 0, k = 0;
  float alpha = 1;
  bool accumulate = false, round = false;
};

template <DType dtype, int width>
__global__ void __launch_bounds__(column_threads)
    add_columns(StoredRows<dtype> b, ColumnShape shape, ConstFloatRows a, FloatRows<std::byte> y) {
  constexpr int columns = 32 * width;
  __shared__ float sums[column_warps][columns];
  const int lane = static_cast<int>(threadIdx.x % 32), warp = static_cast<int>(threadIdx.x / 32);
  const int64_t first = static_cast<int64_t>(blockIdx.x) * columns, column = first + lane * width;
  float sum[width] = {};
  if (column < shape.n) {
#pragma unroll 8
    for (int64_t row = warp; row < shape.k; row += column_warps) {
      float w[width];
      b.decode(row, column, w);
      const float x = shape.round ? rounded_to_bfloat16(a.at(0, row)) : a.at(0, row);
#pragma unroll
      for (int i = 0; i < width; ++i) {
        sum[i] = fmaf(x, shape.round && dtype != DType::bf16 ? rounded_to_bfloat16(w[i]) : w[i], sum[i]);
      }
    }
  }
#pragma unroll
  for (int i = 0; i < width; ++i) sums[warp][i * 32 + lane] = sum[i];
  __syncthreads();
  for (int i = static_cast<int>(threadIdx.x); i < columns; i += column_threads) {
    const int64_t to = first + i;
    if (to >= shape.n) return;
    float total = 0;
    for (int w = 0; w < column_warps; ++w) total += sums[w][i % width * 32 + i / width];
    y.set(0, to, shape.accumulate ? fmaf(shape.alpha, total, y.at(0, to)) : shape.alpha * total);
  }
}

template <DType dtype, int width>
void start_columns(const DotCall& call, const ConstView& b) {
  const ColumnShape shape{call.n, b.rows(), call.alpha, call.accumulate, call.bfloat16};
  launch(call.backend.stream(), dim3(blocks_for(shape.n, 32 * width)), dim3(column_threads), 0,
         add_columns<dtype, width>, stored_rows<dtype>(b), shape, call.a, call.y);
}

// The widest pack that still gives every multiprocessor a block.
template <DType dtype>
void choose_width(const DotCall& call, const ConstView& b) {
  const auto fits = [&](auto width) {
    return packs_aligned<width()>(b) && call.n % width() == 0 &&
           call.n >= int64_t{32} * width() * call.backend.properties().multiprocessors;
  };
  if (fits(std::integral_constant<int, 4>{})) return start_columns<dtype, 4>(call, b);
  if (fits(std::integral_constant<int, 2>{})) return start_columns<dtype, 2>(call, b);
  start_columns<dtype, 1>(call, b);
}

}  // namespace

void dot_columns(const DotCall& call, const ConstView& b) {
  if (b.dtype == DType::f32) return choose_width<DType::f32>(call, b);
  if (b.dtype == DType::f16) return choose_width<DType::f16>(call, b);
  choose_width<DType::bf16>(call, b);
}

}  // namespace peft::cuda
