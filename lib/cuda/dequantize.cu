// dequantize, and decoded parts for products: packs of 16 bytes of the result, one for each thread and turn.
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
void decode_stored(cudaStream_t stream, const ConstView& x, int64_t first_column, const View& y) {
  constexpr int width = 16 / sizeof(Out);
  StoredRows<dtype> rows = stored_rows<dtype>(x);
  rows.data += first_column / traits(dtype).block_elements * traits(dtype).block_bytes;
  const Decode<dtype, Out> body{rows, matrix<Out>(y)};
  // Blocks are whole in every row, so that dense rows are one row of blocks.
  const bool dense = x.dense() && y.dense() && (y.columns() == x.columns() || y.rows() == 1);
  bool packs = is_quantized(dtype);
  if constexpr (is_floating(dtype)) packs = packs_aligned<width>(x.column_range(first_column, y.columns()));
  if (packs && rows_aligned<width>(body.y)) {
    for_spans<width>(stream, dense, y.rows(), y.columns(), body);
  } else {
    for_spans<1>(stream, dense, y.rows(), y.columns(), body);
  }
}

constexpr unsigned nf4_threads = 256;
constexpr int nf4_turns = 4;  // packs of a thread, all read before the first is written

// The code of element i of a word of codes: even elements lie in the high nibbles.
template <typename Word>
__device__ inline unsigned nf4_code(Word word, int i) {
  return static_cast<unsigned>(word) >> (i / 2 * 8 + (i % 2 == 0 ? 4 : 0)) & 15u;
}

// How the threads of a block lie over packs of y: 2^shift along a row, the others over rows, and each takes several
// packs: further along where y is one row, else further down.
struct Nf4Places {
  int64_t row_elements = 0;  // of x, from one row of y to the next
  int64_t packs_a_row = 0;
  unsigned shift = 0, blocks_a_row = 1;
};

template <bool is_double, bool is_row, int width, typename Out>
__global__ void __launch_bounds__(nf4_threads) decode_nf4(Nf4Source x, Matrix<Out> y, Nf4Places places) {
  using Word = std::conditional_t<width == 8, uint32_t, std::conditional_t<width == 4, uint16_t, uint8_t>>;
  __shared__ float map[is_double ? 256 : 1], values[16];
  if (is_double) map[threadIdx.x] = dynamic_table.value[threadIdx.x];
  if (threadIdx.x < 16) values[threadIdx.x] = nf4_table.value[threadIdx.x];
  __syncthreads();

  const unsigned along = threadIdx.x & ((1u << places.shift) - 1), across = threadIdx.x >> places.shift;
  const unsigned row_block = blockIdx.x / places.blocks_a_row, column_block = blockIdx.x % places.blocks_a_row;
  constexpr unsigned along_turns = is_row ? nf4_turns : 1, across_turns = is_row ? 1 : nf4_turns;
  const int64_t first_pack = ((static_cast<int64_t>(column_block) * along_turns) << places.shift) + along;
  const int64_t rows_a_turn = nf4_threads >> places.shift;
  const int64_t first_row = row_block * rows_a_turn * across_turns + across;
  const auto pack_at = [&](int turn) { return first_pack + (is_row ? static_cast<int64_t>(turn) << places.shift : 0); };
  const auto row_at = [&](int turn) { return first_row + (is_row ? 0 : turn * rows_a_turn); };
  const auto outside = [&](int turn) { return pack_at(turn) >= places.packs_a_row || row_at(turn) >= y.rows; };
  unsigned words[nf4_turns];
  float maxima[nf4_turns];
#pragma unroll
  for (int turn = 0; turn < nf4_turns; ++turn) {
    if (outside(turn)) continue;
    const int64_t element = x.first + row_at(turn) * places.row_elements + pack_at(turn) * width;
    words[turn] = *reinterpret_cast<const Word*>(x.codes + element / 2);
    if (width == 1) words[turn] = element % 2 == 0 ? words[turn] : words[turn] << 4;
    maxima[turn] = x.template maximum<is_double>(element / nf4_block, map);
  }
#pragma unroll
  for (int turn = 0; turn < nf4_turns; ++turn) {
    if (outside(turn)) return;
    Pack<Out, width> pack;
#pragma unroll
    for (int i = 0; i < width; ++i) {
      pack.v[i] = from_float<Out>(__fmul_rn(values[nf4_code(words[turn], i)], maxima[turn]));
    }
    const int64_t column = pack_at(turn) * width;
    Out* to = y.row(row_at(turn)) + column;
    if (width == 1 || column + width <= y.columns) {
      store(pack, to);
    } else {
#pragma unroll
      for (int i = 0; i < width; ++i) {
        if (column + i < y.columns) to[i] = pack.v[i];
      }
    }
  }
}

template <bool is_double, typename Out>
void decode_nf4_part(cudaStream_t stream, const ConstView& x, int64_t first_column, const View& y) {
  constexpr int width = 16 / sizeof(Out);
  Nf4Source source = nf4_source(x);
  source.first += first_column;
  Matrix<Out> out = matrix<Out>(y);
  if (y.dense() && y.columns() == x.columns()) out = {out.data, 1, y.rows() * y.columns(), y.rows() * y.columns()};
  const auto start = [&](auto kernel, int pack) {
    const bool is_row = out.rows == 1;
    Nf4Places places{x.columns(), (out.columns + pack - 1) / pack};
    while ((1u << places.shift) < nf4_threads && (int64_t{1} << places.shift) < places.packs_a_row) ++places.shift;
    places.blocks_a_row = blocks_for(places.packs_a_row, (int64_t{1} << places.shift) * (is_row ? nf4_turns : 1));
    const int64_t rows_a_block = int64_t{nf4_threads >> places.shift} * (is_row ? 1 : nf4_turns);
    const int64_t blocks = (out.rows + rows_a_block - 1) / rows_a_block * places.blocks_a_row;
    PEFT_ASSERT(blocks < int64_t{1} << 31);
    launch(stream, dim3(static_cast<unsigned>(blocks)), dim3(nf4_threads), 0, kernel, source, out, places);
  };
  // Packs must begin at bytes of codes that a word may be read from, and lie in one block of 64.
  const bool whole = source.first % width == 0 && (out.rows == 1 || x.columns() % width == 0) &&
                     reinterpret_cast<uintptr_t>(source.codes) % 4 == 0 && rows_aligned<width>(out);
  if (whole) {
    out.rows == 1 ? start(decode_nf4<is_double, true, width, Out>, width)
                  : start(decode_nf4<is_double, false, width, Out>, width);
  } else {
    out.rows == 1 ? start(decode_nf4<is_double, true, 1, Out>, 1) : start(decode_nf4<is_double, false, 1, Out>, 1);
  }
}

template <typename Out>
void decode_any(cudaStream_t stream, const ConstView& x, int64_t first_column, const View& y) {
  if (x.dtype == DType::nf4) return decode_nf4_part<false, Out>(stream, x, first_column, y);
  if (x.dtype == DType::nf4_double) return decode_nf4_part<true, Out>(stream, x, first_column, y);
  with_stored_type(x.dtype, [&](auto dtype) { decode_stored<dtype(), Out>(stream, x, first_column, y); });
}

}  // namespace

void decode_part(cudaStream_t stream, const ConstView& b, int64_t first_row, int64_t first_column, const View& out) {
  PEFT_ASSERT(out.dtype == DType::f32 || out.dtype == DType::bf16);
  PEFT_ASSERT(first_row + out.rows() <= b.rows() && first_column + out.columns() <= b.columns());
  PEFT_ASSERT(is_nf4(b.dtype) || first_column % traits(b.dtype).block_elements == 0);
  const ConstView rows = b.row_range(first_row, out.rows());
  if (out.elements() == 0) return;
  if (out.dtype == DType::f32) {
    decode_any<float>(stream, rows, first_column, out);
  } else {
    decode_any<BFloat16>(stream, rows, first_column, out);
  }
}

void CudaBackend::dequantize(ConstView x, View y) {
  run("dequantize", [&] { decode_part(stream(), x, 0, 0, y); });
}

}  // namespace peft::cuda
