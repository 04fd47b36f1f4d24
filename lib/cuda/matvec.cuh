// y[m,n] = a[m,k] b[n,k]^T for up to eight rows of a, over weights of any storage.
//
// One block a multiprocessor holds a stretch of `a` in shared memory and goes over tiles of rows of b. In a tile, each
// group of lanes has R neighbouring rows: a lane reads packs of 16 bytes or more of each of them, one step ahead and
// over the end of the tile. Rows may be cut into slices, one for a warp, whose sums are added in their order. What is
// cut how depends on shapes and the number of multiprocessors alone.
//
// Weights is plain data with
//   pack       elements that a lane reads at a time: a multiple of 4
//   run        elements that share a scale: divides pack; pack where there is no scale
//   Shared     what the block keeps in shared memory;   prepare(shared) fills it
//   Raw        a pack as read;                          fetch(row, column)
//   decode(raw, shared, j, w)       elements 4j to 4j + 3, before scaling
//   ahead<M>   whether packs are read a step ahead
//   scaled, has_offset;  scale(raw, shared, r)  of run r: value = decoded * scale + offset
//   exact(raw, shared, j, w)        the values themselves, bit for bit
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "cuda/convert.cuh"
#include "cuda/cuda_backend.h"
#include "cuda/decode.cuh"
#include "cuda/matvec.h"
#include "cuda/reduce.cuh"
#include "cuda/vector.cuh"

namespace peft::cuda {

inline constexpr int dot_threads = 512, dot_warps = dot_threads / 32;
inline constexpr int64_t most_dot_size = int64_t{1} << 30;  // of n and k, so that places fit into 32 bits

// Rows of f32 or bf16. Told apart at run time: of each kernel there is one, and it looks once a load of `a` or a sum.
template <typename Byte>
struct FloatRows {
  Byte* data = nullptr;
  int64_t rows = 0, columns = 0, stride = 0;
  bool bfloat16 = false;

  template <typename T>
  __device__ auto row(int64_t index) const {
    using Element = std::conditional_t<std::is_const_v<Byte>, const T, T>;
    return reinterpret_cast<Element*>(data) + index * stride;
  }
  __device__ float at(int64_t r, int64_t c) const {
    return bfloat16 ? to_float(row<BFloat16>(r)[c]) : row<float>(r)[c];
  }
  __device__ void set(int64_t r, int64_t c, float value) const {
    if (bfloat16) {
      row<BFloat16>(r)[c] = from_float<BFloat16>(value);
    } else {
      row<float>(r)[c] = value;
    }
  }
};
using ConstFloatRows = FloatRows<const std::byte>;

template <typename Byte>
FloatRows<Byte> float_rows(const BasicView<Byte>& x) {
  PEFT_ASSERT(x.dtype == DType::f32 || x.dtype == DType::bf16);
  return {x.data, x.rows(), x.columns(), x.row_stride, x.dtype == DType::bf16};
}

struct DotShape {
  int n = 0, k = 0;
  int rows = 0;                // of a
  int lanes = 32, slices = 1;  // lanes of a group; warps that share a row. Groups below 32 have one slice
  int tiles = 0;
  float alpha = 1;
  bool accumulate = false;
  bool round_a = false;  // to bf16; of f32 rows
  bool wide_a = false;   // rows of a may be read four elements at a time
};

// Distance of two packs of `a` in shared memory, in floats: lanes that read a pack each then meet different banks.
constexpr int pack_pitch(int pack) { return pack == 4 ? 4 : pack + 4; }

// Elements of each of M rows of `a` that shared memory holds at a time: some whole steps of a warp, in about 70 KB.
constexpr int stretch_of(int pack, int M) {
  const int step = 32 * pack, steps = 18 * 1024 / (32 * pack_pitch(pack) * M);
  return (steps > 1 ? steps : 1) * step;
}
constexpr int row_floats_of(int pack, int M) { return stretch_of(pack, M) / pack * pack_pitch(pack); }

__device__ inline float rounded_to_bfloat16(float value) { return to_float(from_float<BFloat16>(value)); }

// a[:, begin : begin + count) into shared memory, with zeros to a multiple of four.
template <int pack, int M, typename T>
__device__ inline void stage_rows_of(const DotShape& shape, const ConstFloatRows& a, int begin, int count,
                                     float* shared) {
  constexpr int pitch = pack_pitch(pack);
  for (int m = 0; m < shape.rows; ++m) {
    const T* from = a.row<T>(m) + begin;
    float* to = shared + m * row_floats_of(pack, M);
    if (shape.wide_a) {
#pragma unroll 2
      for (int i = static_cast<int>(threadIdx.x) * 4; i < count; i += dot_threads * 4) {
        const Pack<T, 4> from_four = load<4>(from + i);
        Floats<4> four;
#pragma unroll
        for (int c = 0; c < 4; ++c) {
          four.v[c] = to_float(from_four.v[c]);
          if (shape.round_a) four.v[c] = rounded_to_bfloat16(four.v[c]);
        }
        store(four, to + i / pack * pitch + i % pack);
      }
    } else {
#pragma unroll 1
      for (int i = static_cast<int>(threadIdx.x); i < (count + 3) / 4 * 4; i += dot_threads) {
        const float value = i < count ? to_float(from[i]) : 0.0f;
        to[i / pack * pitch + i % pack] = shape.round_a ? rounded_to_bfloat16(value) : value;
      }
    }
  }
}
template <int pack, int M>
__device__ inline void stage_rows(const DotShape& shape, const ConstFloatRows& a, int begin, int count, float* shared) {
  if (a.bfloat16) {
    stage_rows_of<pack, M, BFloat16>(shape, a, begin, count, shared);
  } else {
    stage_rows_of<pack, M, float>(shape, a, begin, count, shared);
  }
}

// sums[r][m] += pack r of b times the same columns of row m of `a`, which begin at x. Rows of `a` that are not there
// are whatever shared memory holds: nobody reads their sums.
template <typename Weights, int M, int R, bool round>
__device__ inline void multiply_packs(const typename Weights::Raw (&raw)[R], const typename Weights::Shared& shared,
                                      const float* x, float (&sums)[R][M]) {
  constexpr bool later = Weights::scaled && !round && M == 1;  // scales are applied to sums of a run
#pragma unroll
  for (int run = 0; run < Weights::pack / Weights::run; ++run) {
    float partial[R] = {}, x_sum = 0;
#pragma unroll
    for (int j = run * (Weights::run / 4); j < (run + 1) * (Weights::run / 4); ++j) {
      float w[R][4];
#pragma unroll
      for (int r = 0; r < R; ++r) {
        if constexpr (later) {
          Weights::decode(raw[r], shared, j, w[r]);
        } else {
          Weights::exact(raw[r], shared, j, w[r]);
        }
#pragma unroll
        for (int i = 0; round && i < 4; ++i) w[r][i] = rounded_to_bfloat16(w[r][i]);
      }
#pragma unroll
      for (int m = 0; m < M; ++m) {
        const Floats<4> four = load<4>(x + m * row_floats_of(Weights::pack, M) + 4 * j);
#pragma unroll
        for (int i = 0; i < 4; ++i) {
          if constexpr (later && Weights::has_offset) x_sum += four.v[i];
#pragma unroll
          for (int r = 0; r < R; ++r) {
            float& sum = later ? partial[r] : sums[r][m];
            sum = fmaf(w[r][i], four.v[i], sum);
          }
        }
      }
    }
    if constexpr (later) {
#pragma unroll
      for (int r = 0; r < R; ++r) {
        const RunScale scale = Weights::scale(raw[r], shared, run);
        sums[r][0] = fmaf(partial[r], scale.scale, sums[r][0]);
        if constexpr (Weights::has_offset) sums[r][0] = fmaf(x_sum, scale.offset, sums[r][0]);
      }
    }
  }
}

template <typename Weights, int M, int R, bool round>
__global__ void __launch_bounds__(dot_threads, 1)
    dot_rows(Weights b, DotShape shape, ConstFloatRows a, FloatRows<std::byte> y) {
  constexpr int pack = Weights::pack, stretch = stretch_of(pack, M);
  using Raw = typename Weights::Raw;
  PEFT_DYNAMIC_SHARED(float, x);
  __shared__ typename Weights::Shared shared;
  __shared__ float partial[2][dot_warps][R * M];  // two, so that one barrier a tile is enough
  b.prepare(shared);                              // seen after the first barrier

  const int lane = static_cast<int>(threadIdx.x % 32), warp = static_cast<int>(threadIdx.x / 32);
  const int groups = dot_warps / shape.slices * (32 / shape.lanes);
  const int group = warp / shape.slices * (32 / shape.lanes) + lane / shape.lanes, slice = warp % shape.slices;
  const int step = pack * shape.lanes * shape.slices, place = pack * (slice * shape.lanes + lane % shape.lanes);
  const auto first_row = [&](int tile, int of_group) { return (tile * groups + of_group) * R; };
  const auto put = [&](int row, int m, float sum) {
    if (row >= shape.n || m >= shape.rows) return;
    y.set(m, row, shape.accumulate ? fmaf(shape.alpha, sum, y.at(m, row)) : shape.alpha * sum);
  };
  Raw packs[R] = {};
  const auto fetch = [&](int tile, int column, Raw(&to)[R]) {
    if (tile >= shape.tiles || column >= shape.k) return;
    const int first = first_row(tile, group);
#pragma unroll
    for (int r = 0; r < R; ++r) to[r] = b.fetch(min(first + r, shape.n - 1), column);
  };

  if (Weights::template ahead<M>) fetch(static_cast<int>(blockIdx.x), place, packs);
  int turn = 0;
#pragma unroll 1
  for (int tile = static_cast<int>(blockIdx.x); tile < shape.tiles; tile += static_cast<int>(gridDim.x), turn ^= 1) {
    float sums[R][M] = {};
#pragma unroll 1
    for (int begin = 0; begin < shape.k; begin += stretch) {
      const int count = min(shape.k - begin, stretch);
      if (shape.k > stretch || tile == static_cast<int>(blockIdx.x)) {
        __syncthreads();
        stage_rows<pack, M>(shape, a, begin, count, x);
        __syncthreads();
      }
#pragma unroll 1
      for (int at = place; at < count; at += step) {
        if constexpr (!Weights::template ahead<M>) {
          fetch(tile, begin + at, packs);
          multiply_packs<Weights, M, R, round>(packs, shared, x + at / pack * pack_pitch(pack), sums);
        } else {
          int next_tile = tile;
          int column = begin + at + step;
          if (at + step >= count) {
            column = begin + stretch + place;
            if (column >= shape.k) next_tile += static_cast<int>(gridDim.x), column = place;
          }
          Raw next[R] = {};
          fetch(next_tile, column, next);
          multiply_packs<Weights, M, R, round>(packs, shared, x + at / pack * pack_pitch(pack), sums);
#pragma unroll
          for (int r = 0; r < R; ++r) packs[r] = next[r];
        }
      }
    }

#pragma unroll
    for (int r = 0; r < R; ++r) {
#pragma unroll
      for (int m = 0; m < M; ++m) {
        for (int distance = shape.lanes / 2; distance > 0; distance /= 2)
          sums[r][m] += __shfl_xor_sync(whole_warp, sums[r][m], distance);
      }
    }
    if (shape.slices == 1) {
      if (lane % shape.lanes != 0) continue;
#pragma unroll
      for (int r = 0; r < R; ++r) {
#pragma unroll
        for (int m = 0; m < M; ++m) put(first_row(tile, group) + r, m, sums[r][m]);
      }
      continue;
    }
    if (lane == 0) {
#pragma unroll
      for (int r = 0; r < R; ++r) {
#pragma unroll
        for (int m = 0; m < M; ++m) partial[turn][warp][r * M + m] = sums[r][m];
      }
    }
    __syncthreads();
    for (int i = static_cast<int>(threadIdx.x); i < groups * R * M; i += dot_threads) {
      const int of_group = i / (R * M), r = i % (R * M) / M, m = i % M;
      float sum = 0;
      for (int s = 0; s < shape.slices; ++s) sum += partial[turn][of_group * shape.slices + s][r * M + m];
      put(first_row(tile, of_group) + r, m, sum);
    }
  }
}

// One call, before a kernel for its weights is chosen.
struct DotCall {
  CudaBackend& backend;
  ConstFloatRows a;
  FloatRows<std::byte> y;
  int64_t n = 0;
  float alpha = 1;
  bool accumulate = false;
  bool bfloat16 = false;  // a and b are rounded
};

// The fewest slices with which tiles come out nearly even over the multiprocessors; `steps`: what one warp would take
// for a stretch of a row.
inline void choose_slices(DotShape& shape, int rows_of_group, int steps, int multiprocessors) {
  const auto tiles_with = [&](int slices) {
    const int rows = rows_of_group * (dot_warps / slices) * (32 / shape.lanes);
    return (shape.n + rows - 1) / rows;
  };
  double best = 0;
  for (int slices = 1; slices <= dot_warps; slices *= 2) {
    if (slices > 1 && (shape.lanes < 32 || slices > steps)) break;
    const int tiles = tiles_with(slices), turns = (tiles + multiprocessors - 1) / multiprocessors;
    const double share = static_cast<double>(tiles) / static_cast<double>(turns * multiprocessors);
    if (share > best) {
      best = share;
      shape.slices = slices;
    }
    if (best > 0.9) break;
  }
  shape.tiles = tiles_with(shape.slices);
}

// What is the same for every kernel; lanes, slices and tiles are its own.
inline DotShape dot_shape(const DotCall& call) {
  DotShape shape;
  PEFT_ASSERT(call.n < most_dot_size && call.a.columns < most_dot_size);
  shape.n = static_cast<int>(call.n);
  shape.k = static_cast<int>(call.a.columns);
  shape.rows = static_cast<int>(call.a.rows);
  shape.alpha = call.alpha;
  shape.accumulate = call.accumulate;
  shape.round_a = call.bfloat16 && !call.a.bfloat16;
  const uintptr_t four = call.a.bfloat16 ? 8 : 16;
  shape.wide_a = reinterpret_cast<uintptr_t>(call.a.data) % four == 0 && shape.k % 4 == 0 &&
                 (call.a.rows <= 1 || call.a.stride % 4 == 0);
  return shape;
}

template <typename Weights, int M, int R>
void start_dot(const DotCall& call, const Weights& weights, bool round_weights) {
  constexpr int pack = Weights::pack, pitch = pack_pitch(pack);
  DotShape shape = dot_shape(call);
  shape.lanes = 1;
  while (shape.lanes < 32 && shape.lanes * pack < shape.k) shape.lanes *= 2;

  const int stretch = std::min(shape.k, stretch_of(pack, M));
  const int multiprocessors = call.backend.properties().multiprocessors;
  choose_slices(shape, R, (stretch + 32 * pack - 1) / (32 * pack), multiprocessors);
  const int floats = (M - 1) * row_floats_of(pack, M) + (stretch + pack - 1) / pack * pitch;
  const size_t bytes = static_cast<size_t>(floats) * sizeof(float);
  const dim3 grid(static_cast<unsigned>(std::min(shape.tiles, multiprocessors)));
  if (round_weights) {
    launch(call.backend.stream(), grid, dim3(dot_threads), bytes, dot_rows<Weights, M, R, true>, weights, shape, call.a,
           call.y);
  } else {
    launch(call.backend.stream(), grid, dim3(dot_threads), bytes, dot_rows<Weights, M, R, false>, weights, shape,
           call.a, call.y);
  }
}

// Each in the file of its weights.
void dot_plain(const DotCall& call, const ConstView& b);
void dot_nf4(const DotCall& call, const ConstView& b);
bool dot_nf4_in_bfloat16(const DotCall& call, const ConstView& b);  // false, and nothing done, where rows are no blocks
void dot_blocks(const DotCall& call, const ConstView& b);    // of 32
void dot_k_blocks(const DotCall& call, const ConstView& b);  // of 256
// y[1,n] (+)= alpha a[1,k] b[k,n] for plain b.
void dot_columns(const DotCall& call, const ConstView& b);

}  // namespace peft::cuda
