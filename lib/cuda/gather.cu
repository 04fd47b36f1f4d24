// gather_rows and scatter_add_rows: whole rows, decoded where they are stored otherwise.
#include <algorithm>

#include "cuda/cuda_backend.h"
#include "cuda/decode.cuh"
#include "cuda/floats.cuh"
#include "cuda/reduce.cuh"
#include "cuda/spans.cuh"

namespace peft::cuda {
namespace {

// The NF4 twin of StoredRows.
struct Nf4Rows {
  Nf4Source source;
  int64_t columns;

  template <int count>
  __device__ void decode(int64_t row, int64_t column, float (&values)[count]) const {
    for (int i = 0; i < count; ++i) values[i] = source.at(row * columns + column + i);
  }
};

// An index out of range gives NaN: visible, where a read out of bounds could cost the whole device.
template <typename Rows, typename T>
struct Gather {
  Rows x;
  int64_t x_rows;
  const int32_t* index;
  Matrix<T> y;

  template <int width>
  __device__ void operator()(int64_t row, int64_t column) const {
    const int64_t from = index[row];
    Floats<width> values;
    if (from >= 0 && from < x_rows) {
      x.decode(from, column, values.v);
    } else {
      for (float& value : values.v) value = NAN;
    }
    store_floats(values, y.row(row) + column);
  }
};

template <typename Rows>
void gather(cudaStream_t stream, const Rows& rows, const ConstView& x, const ConstView& index, const View& y) {
  with_activation_type({y.dtype}, [&](auto zero) {
    using T = decltype(zero);
    constexpr int width = wide_pack<T>;
    const Gather<Rows, T> body{rows, x.rows(), index.row<int32_t>(), matrix<T>(y)};
    const bool packs = is_quantized(x.dtype) || packs_aligned<width>(x);
    for_packs<width>(stream, packs && rows_aligned<width>(body.y), /*dense=*/false, y.rows(), y.columns(), body);
  });
}

constexpr unsigned scatter_threads = 256, scatter_warps = scatter_threads / warp_size;

// A block owns the rows of y that leave its own number when divided by the number of blocks, which spreads neighbours,
// often tokens of like frequency. It reads the whole index, lists what is its own in order, and adds that. The block's
// threads form groups of 2^shift that go along a row; a group owns its rows again, so that every element of y has one
// thread, which adds in the order of i.
//
// What goes to one row of y is added up in f32 and rounded once for each scatter_threads rows of x.
template <int width, typename X, typename Y>
__global__ void __launch_bounds__(scatter_threads)
    scatter_add_kernel(float alpha, Matrix<const X> x, const int32_t* index, Matrix<Y> y, unsigned shift) {
  __shared__ int64_t from[scatter_threads];
  __shared__ int32_t to[scatter_threads], next[scatter_threads];  // next: of the same row; -1 for none
  __shared__ bool leads[scatter_threads];                          // whether none of the same row is before
  __shared__ unsigned found[scatter_warps];
  const unsigned thread = threadIdx.x, lane = thread % warp_size, warp = thread / warp_size;
  const unsigned group = thread >> shift, groups = scatter_threads >> shift;
  const int64_t step = (int64_t{1} << shift) * width, first = (thread & ((1u << shift) - 1)) * int64_t{width};
  for (int64_t begin = 0; begin < x.rows; begin += scatter_threads) {
    const int64_t i = begin + thread;
    const int32_t row = i < x.rows ? index[i] : -1;
    const bool mine = row >= 0 && row < y.rows && static_cast<unsigned>(row) % gridDim.x == blockIdx.x;
    const unsigned votes = __ballot_sync(whole_warp, mine);
    if (lane == 0) found[warp] = static_cast<unsigned>(__popc(votes));
    __syncthreads();  // and everybody is done with the last list
    unsigned place = static_cast<unsigned>(__popc(votes & ((1u << lane) - 1))), count = 0;
    for (unsigned w = 0; w < scatter_warps; ++w) {
      if (w < warp) place += found[w];
      count += found[w];
    }
    if (mine) {
      from[place] = i;
      to[place] = row;
    }
    __syncthreads();
    if (thread < count) {
      bool is_first = true;
      int32_t follower = -1;
      for (unsigned e = 0; e < count; ++e) {
        if (to[e] != to[thread]) continue;
        if (e < thread) is_first = false;
        if (e > thread && follower < 0) follower = static_cast<int32_t>(e);
      }
      leads[thread] = is_first;
      next[thread] = follower;
    }
    __syncthreads();
    for (unsigned e = 0; e < count; ++e) {
      if (!leads[e] || static_cast<unsigned>(to[e]) / gridDim.x % groups != group) continue;
      Y* const target = y.row(to[e]);
      for (int64_t column = first; column < x.columns; column += step) {
        Floats<width> sum = load_floats<width>(target + column);
        for (int32_t same = static_cast<int32_t>(e); same >= 0; same = next[same]) {
          const Floats<width> in = load_floats<width>(x.row(from[same]) + column);
#pragma unroll
          for (int k = 0; k < width; ++k) sum.v[k] = fmaf(alpha, in.v[k], sum.v[k]);
        }
        store_floats(sum, target + column);
      }
    }
  }
}

template <typename X, typename Y>
void scatter_add(cudaStream_t stream, int64_t multiprocessors, float alpha, const ConstView& x, const ConstView& index,
                 const View& y) {
  constexpr int width = std::max(wide_pack<X>, wide_pack<Y>);
  const Matrix<const X> in = matrix<const X>(x);
  const Matrix<Y> out = matrix<Y>(y);
  if (in.rows == 0 || in.columns == 0) return;
  const bool wide = rows_aligned<width>(in) && rows_aligned<width>(out) && in.columns % width == 0;
  const int64_t packs = wide ? in.columns / width : in.columns;
  unsigned shift = 0;
  while ((1u << shift) < scatter_threads && (int64_t{1} << shift) < packs) ++shift;
  const unsigned blocks = blocks_for(out.rows, scatter_threads >> shift, 8 * multiprocessors);
  launch(stream, dim3(blocks), dim3(scatter_threads), 0,
         wide ? scatter_add_kernel<width, X, Y> : scatter_add_kernel<1, X, Y>, alpha, in, index.row<int32_t>(), out,
         shift);
}

}  // namespace

void CudaBackend::gather_rows(ConstView x, ConstView index, View y) {
  run("gather_rows", [&] {
    if (is_nf4(x.dtype)) return gather(stream(), Nf4Rows{nf4_source(x), x.columns()}, x, index, y);
    with_stored_type(x.dtype, [&](auto type) { gather(stream(), stored_rows<type()>(x), x, index, y); });
  });
}

void CudaBackend::scatter_add_rows(float alpha, ConstView x, ConstView index, View y) {
  run("scatter_add_rows", [&] {
    with_activation_type({x.dtype}, [&](auto from) {
      with_activation_type({y.dtype}, [&](auto to) {
        scatter_add<decltype(from), decltype(to)>(stream(), properties_.multiprocessors, alpha, x, index, y);
      });
    });
  });
}

}  // namespace peft::cuda
