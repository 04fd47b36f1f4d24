// Tiles of bf16 rows in shared memory, and their products on tensor cores (FlashAttention-2: Dao 2023).
//
// A block has four warps. A warp owns 16 * row_tiles rows of the block's tile and all columns of a product, so that
// sums over a row stay within four lanes. Rows in shared memory are 16 bytes longer than their columns, which are a
// multiple of 16: the eight rows that ldmatrix reads at once then lie in different banks.
//
// A product's sums are sums[row tile][column tile][4], in the places of mma.cuh.
#pragma once

#include <cmath>
#include <cstdint>

#include "cuda/async_copy.cuh"
#include "cuda/attention.cuh"
#include "cuda/attention_memory.cuh"
#include "cuda/mma.cuh"

namespace peft::cuda {

inline constexpr int mma_threads = 128, mma_warps = mma_threads / 32;
inline constexpr float log2_of_e = 1.44269504088896341f;

// Elements from row to row.
constexpr int mma_stride(int depth) { return depth + 8; }
constexpr int64_t mma_row_bytes(int depth) { return 2 * mma_stride(depth); }

__device__ inline int lane_of_warp() { return static_cast<int>(threadIdx.x % warp_size); }
__device__ inline int warp_of_block() { return static_cast<int>(threadIdx.x / warp_size); }

// Columns of one head in rows of a matrix.
template <typename T>
struct HeadColumns {
  T* data;
  int64_t stride;

  __device__ T* row(int32_t index) const { return data + index * stride; }
};

// The keys [low, high) that a query sees.
struct SeenKeys {
  int32_t low, high;

  __device__ bool contains(int32_t key) const { return key >= low && key < high; }
};

// Where this lane's ldmatrix begins in a tile at `tile`; all further places are constants away.
// For an a operand, rows as they are; and for a b operand out of the rows that are summed over, transposed.
template <int depth>
__device__ SharedAddress lane_rows(const BFloat16* tile) {
  const int lane = lane_of_warp();
  return shared_address(tile + lane % 16 * mma_stride(depth) + lane / 16 * 8);
}
// For a b operand whose columns are rows here: two tiles of eight, each 16 deep.
template <int depth>
__device__ SharedAddress lane_columns(const BFloat16* tile) {
  const int lane = lane_of_warp();
  return shared_address(tile + (lane / 16 * 8 + lane % 8) * mma_stride(depth) + lane / 8 % 2 * 8);
}

// threadIdx.x, read anew: what is made of it is not kept in registers between one use and the next.
__device__ inline int thread_anew() {
#ifdef PEFT_CUDA_EMULATED
  return static_cast<int>(threadIdx.x);
#else
  int thread;
  asm volatile("mov.u32 %0, %%tid.x;\n" : "=r"(thread));
  return thread;
#endif
}

// Begins to fetch rows row_of(0 .. count - 1), count > 0, into a tile of `rows`; zeros beyond count and width. A
// thread has the same columns of every so many rows.
template <int rows, int depth, class RowOf>
__device__ void fetch_rows(const RowOf& row_of, int count, int width, BFloat16* to) {
  constexpr int packs = depth / 8, step = mma_threads / packs;
  const int thread = thread_anew(), c = thread % packs * 8;
  if (step * packs < mma_threads && thread >= step * packs) return;
  PEFT_UNROLL_BY(1)
  for (int row = thread / packs; row < rows; row += step) {
    BFloat16* at = to + row * mma_stride(depth) + c;
    if (row < count && c < width) {
      const BFloat16* from = row_of(row) + c;
      if (c + 8 <= width && aligned_16(from)) {
        copy_async<16>(at, from);
      } else {
        PEFT_UNROLL_BY(1)
        for (int j = 0; j < 8; ++j) at[j] = c + j < width ? from[j] : BFloat16{0};
      }
    } else {
      *reinterpret_cast<uint4*>(at) = uint4{0, 0, 0, 0};
    }
  }
}

template <int row_tiles, int column_tiles>
__device__ inline void clear(float (&sums)[row_tiles][column_tiles][4]) {
  PEFT_UNROLL
  for (int m = 0; m < row_tiles; ++m) {
    PEFT_UNROLL
    for (int n = 0; n < column_tiles; ++n) sums[m][n][0] = sums[m][n][1] = sums[m][n][2] = sums[m][n][3] = 0;
  }
}

// sums += a b^T over `depth` columns of rows in shared memory. a: lane_rows, b: lane_columns. `unroll`: steps of 16
// columns whose operands may be under way at once, as far as there are registers for them.
template <int depth, int unroll, int row_tiles, int column_tiles>
__device__ void multiply_columns(float (&sums)[row_tiles][column_tiles][4], SharedAddress a, SharedAddress b) {
  static_assert(column_tiles % 2 == 0 && depth % 16 == 0);
  constexpr int bytes = static_cast<int>(mma_row_bytes(depth));
  PEFT_UNROLL_BY(unroll)
  for (int k = 0; k < depth / 16; ++k) {
    uint32_t left[row_tiles][4];
    PEFT_UNROLL
    for (int m = 0; m < row_tiles; ++m) load_matrix_x4(left[m], a + (16 * m * bytes + 32 * k));
    PEFT_UNROLL
    for (int n = 0; n < column_tiles; n += 2) {
      uint32_t right[4];
      load_matrix_x4(right, b + (8 * n * bytes + 32 * k));
      PEFT_UNROLL
      for (int m = 0; m < row_tiles; ++m) {
        mma_m16n8k16(sums[m][n], left[m], right[0], right[1]);
        mma_m16n8k16(sums[m][n + 1], left[m], right[2], right[3]);
      }
    }
  }
}

// sums += a b; a: registers of 16 * depth_tiles columns; b: lane_rows of as many rows of `depth` columns, from the
// first of the columns that are summed.
template <int depth, int row_tiles, int depth_tiles, int column_tiles>
__device__ void multiply_rows(float (&sums)[row_tiles][column_tiles][4],
                              const uint32_t (&a)[row_tiles][depth_tiles][4], SharedAddress b) {
  static_assert(column_tiles % 2 == 0);
  constexpr int bytes = static_cast<int>(mma_row_bytes(depth));
  PEFT_UNROLL
  for (int k = 0; k < depth_tiles; ++k) {
    PEFT_UNROLL
    for (int n = 0; n < column_tiles; n += 2) {
      uint32_t right[4];
      load_matrix_x4_transposed(right, b + (16 * k * bytes + 16 * n));
      PEFT_UNROLL
      for (int m = 0; m < row_tiles; ++m) {
        mma_m16n8k16(sums[m][n], a[m][k], right[0], right[1]);
        mma_m16n8k16(sums[m][n + 1], a[m][k], right[2], right[3]);
      }
    }
  }
}

// Sums rounded to bf16, as an a operand.
template <int row_tiles, int depth_tiles>
__device__ void round_to_operand(const float (&sums)[row_tiles][2 * depth_tiles][4],
                                 uint32_t (&to)[row_tiles][depth_tiles][4]) {
  PEFT_UNROLL
  for (int m = 0; m < row_tiles; ++m) {
    PEFT_UNROLL
    for (int k = 0; k < depth_tiles; ++k) {
      PEFT_UNROLL
      for (int half = 0; half < 2; ++half) {
        const float* s = sums[m][2 * k + half];
        to[m][k][2 * half] = pack_bfloat16(s[0], s[1]);
        to[m][k][2 * half + 1] = pack_bfloat16(s[2], s[3]);
      }
    }
  }
}

// Row and column of sums[m][n][i] in a warp's rows.
__device__ inline int row_of_sum(int m, int i) { return 16 * m + lane_of_warp() / 4 + i / 2 * 8; }
__device__ inline int column_of_sum(int n, int i) { return 8 * n + lane_of_warp() % 4 * 2 + i % 2; }

// Writes a warp's rows, each times factor(m, i / 2), to row_of(row) for rows < count. `staging`: the warp's own rows
// of a tile of `depth` that no other warp reads; lanes write 16 bytes each out of it.
template <int depth, int row_tiles, int column_tiles, class Factor, class RowOf>
__device__ void store_rows(const float (&sums)[row_tiles][column_tiles][4], const Factor& factor,
                           const RowOf& row_of, int count, int width, BFloat16* staging) {
  constexpr int packs = column_tiles;
  __syncwarp();  // the last operands have been read
  PEFT_UNROLL
  for (int m = 0; m < row_tiles; ++m) {
    PEFT_UNROLL
    for (int half = 0; half < 2; ++half) {
      const float by = factor(m, half);
      BFloat16* row = staging + row_of_sum(m, 2 * half) * mma_stride(depth);
      PEFT_UNROLL
      for (int n = 0; n < column_tiles; ++n) {
        const float* s = sums[m][n] + 2 * half;
        *reinterpret_cast<uint32_t*>(row + column_of_sum(n, 0)) = pack_bfloat16(by * s[0], by * s[1]);
      }
    }
  }
  __syncwarp();
  PEFT_UNROLL_BY(4)
  for (int index = lane_of_warp(); index < 16 * row_tiles * packs; index += static_cast<int>(warp_size)) {
    const int row = index / packs, column = index % packs * 8;
    if (row >= count || column >= width) continue;
    store_pack(*reinterpret_cast<const Pack16<BFloat16>*>(staging + row * mma_stride(depth) + column), row_of(row),
               column, width);
  }
}

// The softmax's exponents: exp(scale s) = 2^(factor s), of scores times `before`. A maximum of scores is one of
// exponents only under a factor above zero. Made by the host: kernels then take it from where their parameters are.
struct ScoreScale {
  float before, natural, factor;

  explicit ScoreScale(float scale)
      : before(scale > 0 ? 1.0f : scale), natural(scale > 0 ? scale : 1.0f), factor(natural * log2_of_e) {}

  template <int row_tiles, int column_tiles>
  __device__ void apply(float (&scores)[row_tiles][column_tiles][4]) const {
    if (before == 1.0f) return;
    PEFT_UNROLL
    for (int m = 0; m < row_tiles; ++m) {
      PEFT_UNROLL
      for (int n = 0; n < column_tiles; ++n) {
        PEFT_UNROLL
        for (int i = 0; i < 4; ++i) scores[m][n][i] *= before;
      }
    }
  }
};

}  // namespace peft::cuda
