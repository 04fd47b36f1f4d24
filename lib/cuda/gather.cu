// gather_rows and scatter_add_rows: whole rows, decoded where they are stored otherwise.
#include "cuda/cuda_backend.h"
#include "cuda/decode.cuh"
#include "cuda/reduce.cuh"
#include "cuda/spans.cuh"
#include "cuda/vector.cuh"

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
template <typename Rows>
struct Gather {
  Rows x;
  int64_t x_rows;
  const int32_t* index;
  Matrix<float> y;

  template <int width>
  __device__ void operator()(int64_t row, int64_t column) const {
    const int64_t from = index[row];
    float values[width];
    if (from >= 0 && from < x_rows) {
      x.decode(from, column, values);
    } else {
      for (float& value : values) value = NAN;
    }
    Floats<width> out;
    for (int i = 0; i < width; ++i) out.v[i] = values[i];
    store(out, y.row(row) + column);
  }
};

// packs: x may be read four columns at a time.
template <typename Rows>
void gather(cudaStream_t stream, const Rows& rows, bool packs, const ConstView& x, const ConstView& index,
            const View& y) {
  const Gather<Rows> body{rows, x.rows(), index.row<int32_t>(), matrix<float>(y)};
  for_floats(stream, packs && rows_aligned<4>(body.y), /*dense=*/false, y.rows(), y.columns(), body);
}

constexpr unsigned scatter_threads = 256, scatter_warps = scatter_threads / warp_size;

// A block owns the rows of y that leave its own number when divided by the number of blocks, which spreads neighbours,
// often tokens of like frequency. It reads the whole index, lists what is its own in order, and adds that. The block's
// threads form groups of 2^shift that go along a row; a group owns its rows again, so that every element of y has one
// thread, which adds in the order of i.
template <int width>
__global__ void __launch_bounds__(scatter_threads)
    scatter_add_kernel(float alpha, Matrix<const float> x, const int32_t* index, Matrix<float> y, unsigned shift) {
  __shared__ int64_t from[scatter_threads];
  __shared__ int32_t to[scatter_threads];
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
    for (unsigned e = 0; e < count; ++e) {
      if (static_cast<unsigned>(to[e]) / gridDim.x % groups != group) continue;
      const float* const source = x.row(from[e]);
      float* const target = y.row(to[e]);
      for (int64_t column = first; column < x.columns; column += step) {
        const Floats<width> in = load<width>(source + column);
        Floats<width> sum = load<width>(static_cast<const float*>(target + column));
        for (int k = 0; k < width; ++k) sum.v[k] = fmaf(alpha, in.v[k], sum.v[k]);
        store(sum, target + column);
      }
    }
  }
}

}  // namespace

void CudaBackend::gather_rows(ConstView x, ConstView index, View y) {
  run("gather_rows", [&] {
    if (is_nf4(x.dtype)) {
      return gather(stream(), Nf4Rows{nf4_source(x), x.columns()}, /*packs=*/true, x, index, y);
    }
    with_stored_type(x.dtype, [&](auto type) {
      const bool packs = is_quantized(type()) || packs_aligned<4>(x);
      gather(stream(), stored_rows<type()>(x), packs, x, index, y);
    });
  });
}

void CudaBackend::scatter_add_rows(float alpha, ConstView x, ConstView index, View y) {
  run("scatter_add_rows", [&] {
    const Matrix<const float> in = matrix<const float>(x);
    const Matrix<float> out = matrix<float>(y);
    if (in.rows == 0 || in.columns == 0) return;
    const bool wide = rows_aligned<4>(in) && rows_aligned<4>(out) && in.columns % 4 == 0;
    const int64_t packs = wide ? in.columns / 4 : in.columns;
    unsigned shift = 0;
    while ((1u << shift) < scatter_threads && (int64_t{1} << shift) < packs) ++shift;
    const unsigned blocks = blocks_for(out.rows, scatter_threads >> shift, 8 * int64_t{properties_.multiprocessors});
    launch(stream(), dim3(blocks), dim3(scatter_threads), 0, wide ? scatter_add_kernel<4> : scatter_add_kernel<1>,
           alpha, in, index.row<int32_t>(), out, shift);
  });
}

}  // namespace peft::cuda
