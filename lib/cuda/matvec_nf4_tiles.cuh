// Few-row products over NF4 on tensor cores, in bf16: what is decoded goes into them as it is, so that neither adding
// up nor the number of rows costs what decoding needs. A group of warps has 16 rows of b, each lane two blocks of 64 of
// them at a time; `a` lies in shared memory.
//
// The sixteen values of a block are rounded once and stay in registers, their high and low bytes apart: byte
// permutations look four of them up at a time. Shared memory, which gives 32 values a clock, would be slower than the
// codes arrive.
#pragma once

#include <algorithm>
#include <cstdint>

#include "cuda/matvec.cuh"
#include "cuda/mma.cuh"

namespace peft::cuda {

inline constexpr int tile_rows = 16, tile_columns = 4 * nf4_block;  // of b: what a warp multiplies at a time
inline constexpr int block_pitch = nf4_block + 4;                   // bf16 in shared memory: other banks for each lane
inline constexpr int64_t most_tile_bytes = 90 * 1024;               // of `a`

// The values of a block: byte c of each array belongs to code c.
struct Nf4Bytes {
  uint32_t high[4], low[4];

  __device__ explicit Nf4Bytes(float maximum) {
    constexpr Table<16> table = make_nf4_table();  // parts of instructions, not memory
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const auto value = [&](int k) { return __fmul_rn(table.value[4 * i + k], maximum); };
      const uint32_t first = pack_bfloat16(value(0), value(1)), second = pack_bfloat16(value(2), value(3));
      low[i] = __byte_perm(first, second, 0x6420);
      high[i] = __byte_perm(first, second, 0x7531);
    }
  }
  // Elements 0 to 3 of the low half of `codes`, as pairs of bf16. In each byte the high nibble comes first.
  // Lower three bits of a code choose of either half of the table, the fourth between the two.
  __device__ void look_up(uint32_t codes, uint32_t& first, uint32_t& second) const {
    const uint32_t places = codes & 0x7777u, halves = (codes >> 1 & 0x4444u) | 0x3210u;
    const uint32_t lows = __byte_perm(__byte_perm(low[0], low[1], places), __byte_perm(low[2], low[3], places), halves);
    const uint32_t highs =
        __byte_perm(__byte_perm(high[0], high[1], places), __byte_perm(high[2], high[3], places), halves);
    first = __byte_perm(lows, highs, 0x4051);
    second = __byte_perm(lows, highs, 0x6273);
  }
};

// A lane's part of a step: a block of each of two rows.
template <bool is_double>
struct Nf4Blocks {
  uint32_t codes[2][8];
  float maxima[2];
  uint32_t quantized[2];

  __device__ void fetch(const Nf4Source& source, int64_t first, int64_t second) {
    const int64_t elements[2] = {source.first + first, source.first + second};
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      const int64_t block = elements[r] / nf4_block;
      const auto* from = reinterpret_cast<const uint4*>(source.codes + elements[r] / 2);
      const uint4 left = from[0], right = from[1];
      codes[r][0] = left.x, codes[r][1] = left.y, codes[r][2] = left.z, codes[r][3] = left.w;
      codes[r][4] = right.x, codes[r][5] = right.y, codes[r][6] = right.z, codes[r][7] = right.w;
      if constexpr (is_double) {
        quantized[r] = source.quantized[block];
        maxima[r] = source.nested[block / nf4_nested_block];
      } else {
        maxima[r] = source.maxima[block];
      }
    }
  }
  // Beyond the end of a row, where `a` is 0: any numbers will do.
  __device__ void clear() {
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      maxima[r] = 0, quantized[r] = 0;
#pragma unroll
      for (int i = 0; i < 8; ++i) codes[r][i] = 0;
    }
  }
};

// a[:, begin : begin + count) as bf16 in shared memory, with zeros to a multiple of tile_columns.
template <typename T>
__device__ inline void stage_tile_rows(const DotShape& shape, const ConstFloatRows& a, int begin, int count, int pitch,
                                       BFloat16* shared) {
  const int padded = (count + tile_columns - 1) / tile_columns * tile_columns;
  for (int m = 0; m < shape.rows; ++m) {
    const T* from = a.row<T>(m) + begin;
#pragma unroll 2
    for (int i = static_cast<int>(threadIdx.x) * 4; i < padded; i += dot_threads * 4) {
      Pack<BFloat16, 4> four = {};
      if (i < count) {  // a multiple of a block
        if (shape.wide_a) {
          const Pack<T, 4> values = load<4>(from + i);
#pragma unroll
          for (int c = 0; c < 4; ++c) four.v[c] = from_float<BFloat16>(to_float(values.v[c]));
        } else {
#pragma unroll
          for (int c = 0; c < 4; ++c) four.v[c] = from_float<BFloat16>(to_float(from[i + c]));
        }
      }
      store(four, shared + m * pitch + i / nf4_block * block_pitch + i % nf4_block);
    }
  }
}

// How `a` lies in shared memory: columns of each row at a time, and elements from one row to the next.
struct TileStretch {
  int columns = 0, pitch = 0;
};

template <bool is_double>
__global__ void __launch_bounds__(dot_threads, 1)
    dot_nf4_tiles(Nf4Source b, DotShape shape, TileStretch stretch, ConstFloatRows a, FloatRows<std::byte> y) {
  PEFT_DYNAMIC_SHARED(BFloat16, x);
  __shared__ float map[is_double ? 256 : 1];
  __shared__ float partial[2][dot_warps][8][tile_rows];  // two, so that one barrier a tile is enough
  if (is_double && threadIdx.x < 256) map[threadIdx.x] = dynamic_table.value[threadIdx.x];
  float offset = 0;
  if constexpr (is_double) offset = *b.offset;

  const int lane = static_cast<int>(threadIdx.x % 32), warp = static_cast<int>(threadIdx.x / 32);
  const int g = lane / 4, t = lane % 4;
  const int groups = dot_warps / shape.slices, group = warp / shape.slices, slice = warp % shape.slices;
  const int step = tile_columns * shape.slices, place = tile_columns * slice;
  const BFloat16* const x_of_lane = x + min(g, shape.rows - 1) * stretch.pitch + t * block_pitch;
  Nf4Blocks<is_double> blocks;
  const auto fetch = [&](int tile, int column, Nf4Blocks<is_double>& to) {
    const int own = column + t * nf4_block;
    if (tile >= shape.tiles || own >= shape.k) return to.clear();
    const int row = (tile * groups + group) * tile_rows + g;
    to.fetch(b, static_cast<int64_t>(min(row, shape.n - 1)) * shape.k + own,
             static_cast<int64_t>(min(row + 8, shape.n - 1)) * shape.k + own);
  };

  fetch(static_cast<int>(blockIdx.x), place, blocks);
  int turn = 0;
#pragma unroll 1
  for (int tile = static_cast<int>(blockIdx.x); tile < shape.tiles; tile += static_cast<int>(gridDim.x), turn ^= 1) {
    float sums[2][4] = {};  // of even and of odd quarters: neither waits for the other
#pragma unroll 1
    for (int begin = 0; begin < shape.k; begin += stretch.columns) {
      const int count = min(shape.k - begin, stretch.columns);
      if (shape.k > stretch.columns || tile == static_cast<int>(blockIdx.x)) {
        __syncthreads();
        if (a.bfloat16) {
          stage_tile_rows<BFloat16>(shape, a, begin, count, stretch.pitch, x);
        } else {
          stage_tile_rows<float>(shape, a, begin, count, stretch.pitch, x);
        }
        __syncthreads();
      }
#pragma unroll 1
      for (int at = place; at < count; at += step) {
        int next_tile = tile, column = begin + at + step;
        if (at + step >= count) {
          column = begin + stretch.columns + place;
          if (column >= shape.k) next_tile += static_cast<int>(gridDim.x), column = place;
        }
        Nf4Blocks<is_double> next;
        fetch(next_tile, column, next);

        const auto maximum = [&](int r) {
          if constexpr (!is_double) return blocks.maxima[r];
          return __fadd_rn(__fmul_rn(map[blocks.quantized[r]], blocks.maxima[r]), offset);
        };
        const Nf4Bytes upper(maximum(0)), lower(maximum(1));
        const BFloat16* const from = x_of_lane + at / nf4_block * block_pitch;
#pragma unroll
        for (int i = 0; i < 16; ++i) {
          const int shift = i % 2 * 16;
          uint32_t left[4];
          upper.look_up(blocks.codes[0][i / 2] >> shift, left[0], left[2]);
          lower.look_up(blocks.codes[1][i / 2] >> shift, left[1], left[3]);
          const uint2 pairs = *reinterpret_cast<const uint2*>(from + 4 * i);
          const uint32_t right[2] = {pairs.x, pairs.y};
          mma_m16n8k16(sums[i % 2], left, right[0], right[1]);
        }
        blocks = next;
      }
    }

#pragma unroll
    for (int i = 0; i < 4; ++i) partial[turn][warp][2 * t + i % 2][g + i / 2 * 8] = sums[0][i] + sums[1][i];
    __syncthreads();
    const int count = groups * shape.rows * tile_rows;
    for (int i = static_cast<int>(threadIdx.x); i < count; i += dot_threads) {
      const int r = i % tile_rows, m = i / tile_rows % shape.rows, of_group = i / tile_rows / shape.rows;
      const int row = (tile * groups + of_group) * tile_rows + r;
      if (row >= shape.n) continue;
      float sum = 0;
      for (int s = 0; s < shape.slices; ++s) sum += partial[turn][of_group * shape.slices + s][m][r];
      y.set(m, row, shape.accumulate ? fmaf(shape.alpha, sum, y.at(m, row)) : shape.alpha * sum);
    }
  }
}

// Whether each row is whole blocks that 16 bytes of codes may be read from.
inline bool has_whole_blocks(const ConstView& b) {
  return b.columns() % nf4_block == 0 && reinterpret_cast<uintptr_t>(b.data) % 16 == 0;
}

template <bool is_double>
void start_nf4_tiles(const DotCall& call, const ConstView& b) {
  DotShape shape = dot_shape(call);
  // On some GPUs a block may have 99 KiB in all, of which the kernel declares a part itself.
  const auto own = static_cast<int64_t>(static_shared_bytes(reinterpret_cast<const void*>(dot_nf4_tiles<is_double>)));
  const int64_t tile_bytes = std::min(most_tile_bytes, call.backend.properties().shared_bytes_a_block - own);
  const int64_t row_bytes = tile_bytes / call.a.rows;
  const auto blocks = static_cast<int>(row_bytes / (block_pitch * 2) / 4 * 4);
  TileStretch stretch;
  const int whole = (shape.k + tile_columns - 1) / tile_columns * tile_columns;
  stretch.columns = std::min(blocks * static_cast<int>(nf4_block), whole);
  // Rows begin 32 bytes further on in the banks, so that those of eight lanes lie apart.
  stretch.pitch = (stretch.columns / static_cast<int>(nf4_block) * block_pitch + 63) / 64 * 64 + 16;
  const int multiprocessors = call.backend.properties().multiprocessors;
  choose_slices(shape, tile_rows, stretch.columns / tile_columns, multiprocessors);
  const size_t bytes = static_cast<size_t>(shape.rows) * static_cast<size_t>(stretch.pitch) * 2;
  const dim3 grid(static_cast<unsigned>(std::min(shape.tiles, multiprocessors)));
  launch(call.backend.stream(), grid, dim3(dot_threads), bytes, dot_nf4_tiles<is_double>, nf4_source(b), shape, stretch,
         call.a, call.y);
}

}  // namespace peft::cuda
