// dequantize, and decoded rows for products: packs of 16 bytes of the result, one for each thread and turn.
#include "cuda/cuda_backend.h"
#include "cuda/decode.cuh"
#include "cuda/decode.h"
#include "cuda/spans.cuh"
#include "cuda/vector.cuh"

namespace peft::cuda {
namespace {

template <DType dtype, typename Out>
struct Decode {
  StoredRows<dtype> x;
  Matrix<Out> y;

  template <int width>
  __device__ void operator()(int64_t row, int64_t column) const {
    float values[width];
    x.decode(row, column, values);
    Pack<Out, width> pack;
#pragma unroll
    for (int i = 0; i < width; ++i) pack.v[i] = from_float<Out>(values[i]);
    store(pack, y.row(row) + column);
  }
};

template <DType dtype, typename Out>
void decode_stored(cudaStream_t stream, const ConstView& x, const View& y) {
  constexpr int width = 16 / sizeof(Out);
  const Decode<dtype, Out> body{stored_rows<dtype>(x), matrix<Out>(y)};
  // Blocks are whole in every row, so that dense rows are one row of blocks.
  const bool dense = x.dense() && y.dense();
  if (rows_aligned<width>(body.y) && (is_quantized(dtype) || packs_aligned<width>(x))) {
    for_spans<width>(stream, dense, y.rows(), y.columns(), body);
  } else {
    for_spans<1>(stream, dense, y.rows(), y.columns(), body);
  }
}

constexpr unsigned nf4_threads = 256;
constexpr int most_nf4_turns = 4;

// The code of element i of a word of codes: even elements lie in the high nibbles.
template <typename Word>
__device__ inline unsigned nf4_code(Word word, int i) {
  return static_cast<unsigned>(word) >> (i / 2 * 8 + (i % 2 == 0 ? 4 : 0)) & 15u;
}

// Packs of `width` elements of y; a thread takes every 256th of its block's, and reads all before it writes. One turn
// where rows are strided: places of several would not fit into the registers.
template <bool is_double, int width, int turns, typename Out>
__global__ void __launch_bounds__(nf4_threads) decode_nf4(Nf4Source x, Matrix<Out> y, int64_t packs_a_row) {
  using Word = std::conditional_t<width == 8, uint32_t, std::conditional_t<width == 4, uint16_t, uint8_t>>;
  __shared__ float map[is_double ? 256 : 1], values[16];
  if (is_double) map[threadIdx.x] = dynamic_table.value[threadIdx.x];
  if (threadIdx.x < 16) values[threadIdx.x] = nf4_table.value[threadIdx.x];
  __syncthreads();

  const int64_t packs = y.rows * packs_a_row;
  const int64_t begin = static_cast<int64_t>(blockIdx.x) * nf4_threads * turns + threadIdx.x;
  unsigned words[turns];
  float maxima[turns];
  int64_t rows[turns], columns[turns];
#pragma unroll
  for (int turn = 0; turn < turns; ++turn) {
    const int64_t pack = begin + turn * int64_t{nf4_threads};
    rows[turn] = turns > 1 ? 0 : pack / packs_a_row;
    columns[turn] = (pack - rows[turn] * packs_a_row) * width;
    if (pack >= packs) continue;
    const int64_t element = x.first + rows[turn] * y.columns + columns[turn];
    words[turn] = *reinterpret_cast<const Word*>(x.codes + element / 2);
    if (width == 1) words[turn] = element % 2 == 0 ? words[turn] : words[turn] << 4;
    maxima[turn] = x.template maximum<is_double>(element / nf4_block, map);
  }
#pragma unroll
  for (int turn = 0; turn < turns; ++turn) {
    if (begin + turn * int64_t{nf4_threads} >= packs) return;
    Pack<Out, width> pack;
#pragma unroll
    for (int i = 0; i < width; ++i) {
      pack.v[i] = from_float<Out>(__fmul_rn(values[nf4_code(words[turn], i)], maxima[turn]));
    }
    Out* to = y.row(rows[turn]) + columns[turn];
    if (width == 1 || columns[turn] + width <= y.columns) {
      store(pack, to);
    } else {
#pragma unroll
      for (int i = 0; i < width; ++i) {
        if (columns[turn] + i < y.columns) to[i] = pack.v[i];
      }
    }
  }
}

template <bool is_double, typename Out>
void decode_nf4_rows(cudaStream_t stream, const ConstView& x, const View& y) {
  constexpr int width = 16 / sizeof(Out);
  const Nf4Source source = nf4_source(x);
  Matrix<Out> out = matrix<Out>(y);
  if (y.dense()) out = {out.data, 1, y.rows() * y.columns(), y.rows() * y.columns()};
  const auto start = [&](auto kernel, int turns, int64_t packs_a_row) {
    const int64_t packs = out.rows * packs_a_row, packs_a_block = int64_t{nf4_threads} * turns;
    const int64_t blocks = (packs + packs_a_block - 1) / packs_a_block;
    PEFT_ASSERT(blocks < int64_t{1} << 31);
    launch(stream, dim3(static_cast<unsigned>(blocks)), dim3(nf4_threads), 0, kernel, source, out, packs_a_row);
  };
  // Packs must begin at bytes of codes that a word may be read from, and lie in one block of 64.
  const bool whole = source.first % width == 0 && (out.rows == 1 || out.columns % width == 0) &&
                     reinterpret_cast<uintptr_t>(source.codes) % 4 == 0 && rows_aligned<width>(out);
  if (whole && out.rows == 1) {
    start(decode_nf4<is_double, width, most_nf4_turns, Out>, most_nf4_turns, (out.columns + width - 1) / width);
  } else if (whole) {
    start(decode_nf4<is_double, width, 1, Out>, 1, out.columns / width);
  } else {
    start(decode_nf4<is_double, 1, 1, Out>, 1, out.columns);
  }
}

template <typename Out>
void decode_any(cudaStream_t stream, const ConstView& x, const View& y) {
  if (x.dtype == DType::nf4) return decode_nf4_rows<false, Out>(stream, x, y);
  if (x.dtype == DType::nf4_double) return decode_nf4_rows<true, Out>(stream, x, y);
  with_stored_type(x.dtype, [&](auto dtype) { decode_stored<dtype(), Out>(stream, x, y); });
}

}  // namespace

void decode_rows(cudaStream_t stream, const ConstView& b, int64_t first_row, int64_t rows, const View& out) {
  PEFT_ASSERT(out.dtype == DType::f32 || out.dtype == DType::bf16);
  PEFT_ASSERT(out.rows() == rows && out.columns() == b.columns());
  const ConstView part = b.row_range(first_row, rows);
  if (part.elements() == 0) return;
  if (out.dtype == DType::f32) {
    decode_any<float>(stream, part, out);
  } else {
    decode_any<BFloat16>(stream, part, out);
  }
}

void CudaBackend::dequantize(ConstView x, View y) {
  run("dequantize", [&] { decode_rows(stream(), x, 0, y.rows(), y); });
}

}  // namespace peft::cuda
