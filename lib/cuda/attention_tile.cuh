// Tiles of attention in shared memory, and the products of their threads.
//
// A block of 16 x (threads / 16) threads owns a tile of rows. The other side streams through in chunks of 64
// rows by 64 columns. Thread (x, y) has the rows y + height i of the tile; of a product over columns it has
// the chunk's rows x + 16 j, of one over rows the chunk's columns 4 x + j. Strides are 4 floats beyond a
// multiple of 32, so that 128-bit loads of neighbouring rows meet no bank twice. A row of weights is written
// and read by the same half warp.
#pragma once

#include <cstdint>

#include "cuda/async_copy.cuh"
#include "cuda/attention_memory.cuh"
#include "cuda/launch.h"

namespace peft::cuda {

inline constexpr int chunk_size = 64;                // rows and columns
inline constexpr int chunk_stride = chunk_size + 4;  // floats
inline constexpr int chunk_floats = chunk_size * chunk_stride;
inline constexpr int tile_threads_x = 16;

__device__ inline int tile_x() { return static_cast<int>(threadIdx.x) % tile_threads_x; }
__device__ inline int tile_y() { return static_cast<int>(threadIdx.x) / tile_threads_x; }

constexpr int tile_stride(int chunks) { return chunks * chunk_size + 4; }

// Columns [column, column + 4) of a row of `width`; zeros beyond.
__device__ inline float4 load_four(const float* row, int column, int width) {
  const float* from = row + column;
  if (column + 4 <= width && aligned_16(from)) return *reinterpret_cast<const float4*>(from);
  float4 four{0, 0, 0, 0};
  if (column < width) four.x = from[0];
  if (column + 1 < width) four.y = from[1];
  if (column + 2 < width) four.z = from[2];
  if (column + 3 < width) four.w = from[3];
  return four;
}
__device__ inline void store_four(float4 four, float* row, int column, int width) {
  float* to = row + column;
  if (column + 4 <= width && aligned_16(to)) {
    *reinterpret_cast<float4*>(to) = four;
    return;
  }
  if (column < width) to[0] = four.x;
  if (column + 1 < width) to[1] = four.y;
  if (column + 2 < width) to[2] = four.z;
  if (column + 3 < width) to[3] = four.w;
}

// Begins to fetch columns [column, column + 64) of row_of(0 .. count - 1); zeros elsewhere.
template <int threads, class RowOf>
__device__ void fetch_chunk(const RowOf& row_of, int count, int column, int width, float* to) {
  PEFT_UNROLL_BY(4)
  for (int i = 0; i < chunk_size * chunk_size / 4 / threads; ++i) {
    const int index = static_cast<int>(threadIdx.x) + i * threads, row = index / 16, c = index % 16 * 4;
    float* at = to + row * chunk_stride + c;
    if (row < count && column + c < width) {
      const float* from = row_of(row);
      if (column + c + 4 <= width && aligned_16(from + column + c)) {
        copy_async<16>(at, from + column + c);
      } else {
        *reinterpret_cast<float4*>(at) = load_four(from, column + c, width);
      }
    } else {
      *reinterpret_cast<float4*>(at) = float4{0, 0, 0, 0};
    }
  }
}

// to[row, :] = factor * row_of(row) for `rows` rows of whole chunks; zeros beyond `count` and `width`.
template <int threads, int rows, int chunks, class RowOf>
__device__ void load_tile(const RowOf& row_of, int count, int width, float factor, float* to) {
  constexpr int fours = chunks * chunk_size / 4;
  for (int index = static_cast<int>(threadIdx.x); index < rows * fours; index += threads) {
    const int row = index / fours, column = index % fours * 4;
    float4 four{0, 0, 0, 0};
    if (row < count) four = load_four(row_of(row), column, width);
    four = float4{factor * four.x, factor * four.y, factor * four.z, factor * four.w};
    *reinterpret_cast<float4*>(to + row * tile_stride(chunks) + column) = four;
  }
}

// Columns of chunk `chunk` that are not all zero, rounded up to fours.
__device__ inline int chunk_depth(int width, int chunk) {
  const int left = width - chunk * chunk_size;
  return left >= chunk_size ? chunk_size : (left + 3) / 4 * 4;
}

// sums[i][j] += a[row i, :] . b[row j of the chunk, :] over `depth` columns, a multiple of 4. a, b: first row
// and column.
template <int height, int rows>
__device__ void multiply_columns(float (&sums)[rows][4], const float* a, int a_stride, const float* b,
                                 int depth) {
  const int x = tile_x(), y = tile_y();
  a += y * a_stride;
  b += x * chunk_stride;
  PEFT_UNROLL_BY(2)
  for (int d = 0; d < depth; d += 4) {
    float4 right[4];
    PEFT_UNROLL
    for (int j = 0; j < 4; ++j) {
      right[j] = *reinterpret_cast<const float4*>(b + j * tile_threads_x * chunk_stride + d);
    }
    PEFT_UNROLL
    for (int i = 0; i < rows; ++i) {
      const float4 left = *reinterpret_cast<const float4*>(a + i * height * a_stride + d);
      PEFT_UNROLL
      for (int j = 0; j < 4; ++j) {
        float sum = fmaf(left.x, right[j].x, sums[i][j]);
        sum = fmaf(left.y, right[j].y, sum);
        sum = fmaf(left.z, right[j].z, sum);
        sums[i][j] = fmaf(left.w, right[j].w, sum);
      }
    }
  }
}

// sums[i][j] += sum over k < depth, a multiple of 4, of weights[row i, k] * b[k, 4 x + j].
template <int height, int rows>
__device__ void multiply_rows(float (&sums)[rows][4], const float* weights, const float* b, int depth) {
  const int x = tile_x(), y = tile_y();
  weights += y * chunk_stride;
  b += 4 * x;
  PEFT_UNROLL_BY(2)
  for (int k = 0; k < depth; k += 4) {
    float4 right[4];
    PEFT_UNROLL
    for (int j = 0; j < 4; ++j) right[j] = *reinterpret_cast<const float4*>(b + (k + j) * chunk_stride);
    PEFT_UNROLL
    for (int i = 0; i < rows; ++i) {
      const float4 left = *reinterpret_cast<const float4*>(weights + i * height * chunk_stride + k);
      const float factors[4] = {left.x, left.y, left.z, left.w};
      PEFT_UNROLL
      for (int j = 0; j < 4; ++j) {
        sums[i][0] = fmaf(factors[j], right[j].x, sums[i][0]);
        sums[i][1] = fmaf(factors[j], right[j].y, sums[i][1]);
        sums[i][2] = fmaf(factors[j], right[j].z, sums[i][2]);
        sums[i][3] = fmaf(factors[j], right[j].w, sums[i][3]);
      }
    }
  }
}

template <int rows>
__device__ inline void clear(float (&sums)[rows][4]) {
  PEFT_UNROLL
  for (int i = 0; i < rows; ++i) sums[i][0] = sums[i][1] = sums[i][2] = sums[i][3] = 0;
}

// The weights of a thread's rows and the chunk's rows x + 16 j, for multiply_rows after the next chunk is
// taken.
template <int height, int rows>
__device__ void store_weights(const float (&values)[rows][4], float* weights) {
  const int x = tile_x(), y = tile_y();
  __syncwarp();  // the last weights have been read
  PEFT_UNROLL
  for (int i = 0; i < rows; ++i) {
    PEFT_UNROLL
    for (int j = 0; j < 4; ++j)
      weights[(y + height * i) * chunk_stride + x + tile_threads_x * j] = values[i][j];
  }
}

// What the same thread has stored.
template <int height, int rows>
__device__ void load_weights(const float* weights, float (&values)[rows][4]) {
  const int x = tile_x(), y = tile_y();
  PEFT_UNROLL
  for (int i = 0; i < rows; ++i) {
    PEFT_UNROLL
    for (int j = 0; j < 4; ++j)
      values[i][j] = weights[(y + height * i) * chunk_stride + x + tile_threads_x * j];
  }
}

// Chunks in the order in which they are needed, numbered as unit and step; the next one is fetched while one
// is in use where there is room for two.
struct ChunkStream {
  float* buffers;
  int count;  // 1 or 2
  int units, steps;
  int current = 0;

  __device__ ChunkStream(float* where, int buffer_count, int unit_count, int steps_a_unit)
      : buffers(where), count(buffer_count), units(unit_count), steps(steps_a_unit) {}

  // fetch(unit, step, to) begins to fetch a chunk.
  template <class Fetch>
  __device__ void start(const Fetch& fetch) const {
    if (count == 2 && units > 0) fetch(0, 0, buffers);
  }
  // The chunk, there for all threads. All threads of the block; what they wrote before is seen by all as
  // well.
  template <class Fetch>
  __device__ const float* take(const Fetch& fetch, int unit, int step) {
    if (count == 1) {
      __syncthreads();  // the last chunk has been read
      fetch(unit, step, buffers);
      copies_arrive();
      __syncthreads();
      return buffers;
    }
    copies_arrive();
    __syncthreads();
    const float* here = buffers + current * chunk_floats;
    current ^= 1;
    const bool last_step = step + 1 == steps;
    if (!last_step || unit + 1 < units) {
      fetch(last_step ? unit + 1 : unit, last_step ? 0 : step + 1, buffers + current * chunk_floats);
    }
    return here;
  }
};

// How many chunk buffers fit beside `floats` of shared memory.
inline int chunk_buffers(int64_t floats, const DeviceProperties& properties) {
  return (floats + 2 * chunk_floats) * 4 + most_declared_bytes <= properties.shared_bytes_a_block ? 2 : 1;
}

}  // namespace peft::cuda
