// A few queries against many keys, as in decoding: bound by memory. A block takes a stretch of a segment's
// keys for up to `rows` pairs of query and head that share a kv head; what several stretches give is combined
// in their order.
//
// Keys and values go to registers directly: `lanes` threads hold a key, eight of its columns each.
#pragma once

#include <cmath>

#include "cuda/attention.cuh"
#include "cuda/attention_memory.cuh"

namespace peft::cuda {

inline constexpr int few_threads = 128, few_warps = few_threads / 32;
inline constexpr int32_t shortest_stretch = 64;  // keys
inline constexpr int64_t most_stretches = 64;
inline constexpr int64_t blocks_wanted = 528;  // four for each multiprocessor of an H100 or H200

template <typename T>
struct FewCall {
  AttentionForward<T> call;
  int32_t stretches = 1;  // a segment is cut into, at most
  int32_t row_chunks = 1;
  float* partial = nullptr;  // [stretch][query][head]: maximum, sum, unnormalised output
};

// How one segment is cut.
struct Stretches {
  int32_t low, high, length, count;

  __device__ Stretches(const AttentionMask& mask, int32_t queries, int32_t most)
      : low(mask.low(0)), high(mask.high(queries - 1)) {
    const int32_t keys = high > low ? high - low : 0, each = (keys + most - 1) / most;
    length = each < shortest_stretch ? shortest_stretch : each;
    count = keys > 0 ? (keys - 1) / length + 1 : 1;
  }
};

template <typename T>
__device__ float* partial_of(const FewCall<T>& few, int64_t stretch, int64_t query, int64_t head) {
  const AttentionOptions& options = few.call.options;
  return few.partial + ((stretch * few.call.q.rows + query) * options.heads + head) * (options.head_dim + 2);
}

// The maximum of two softmaxes, and the factors that bring each to it. -infinity: saw no key.
struct Merge {
  float maximum, first, second;

  __device__ Merge(float a, float b)
      : maximum(fmaxf(a, b)),
        first(a == maximum ? 1 : expf(a - maximum)),
        second(b == maximum ? 1 : expf(b - maximum)) {}
};

template <int rows>
struct FewSums {
  float maximum[rows], sum[rows], out[rows][8];
};

// A lane's eight columns of a row, in loads of 128 bits that lie side by side with those of the other lanes.
template <typename T, int lanes>
struct LaneColumns {
  Pack16<T> packs[8 / pack_width<T>];

  __device__ static int column(int lane, int i) {
    return pack_width<T> * (lane + i / pack_width<T> * lanes) + i % pack_width<T>;
  }
  __device__ void clear() {
    PEFT_UNROLL
    for (auto& pack : packs) pack = Pack16<T>{};
  }
  __device__ void load(const T* row, int lane, int width) {
    PEFT_UNROLL
    for (int p = 0; p < 8 / pack_width<T>; ++p)
      packs[p] = load_pack(row, column(lane, p * pack_width<T>), width);
  }
  __device__ float at(int i) const { return to_float(packs[i / pack_width<T>].v[i % pack_width<T>]); }
};

// Adds up what the warp's groups of lanes have seen, in an order that is the same for all.
template <int lanes, int rows>
__device__ void merge_lanes(FewSums<rows>& sums) {
  PEFT_UNROLL
  for (int distance = lanes; distance < 32; distance *= 2) {
    PEFT_UNROLL
    for (int r = 0; r < rows; ++r) {
      const Merge merge(sums.maximum[r], __shfl_xor_sync(whole_warp, sums.maximum[r], distance));
      sums.maximum[r] = merge.maximum;
      sums.sum[r] =
          merge.first * sums.sum[r] + merge.second * __shfl_xor_sync(whole_warp, sums.sum[r], distance);
      PEFT_UNROLL
      for (int i = 0; i < 8; ++i) {
        const float other = __shfl_xor_sync(whole_warp, sums.out[r][i], distance);
        sums.out[r][i] = merge.first * sums.out[r][i] + merge.second * other;
      }
    }
  }
}

template <typename T, int lanes, int rows>
__global__ void __launch_bounds__(few_threads) attention_few_kernel(FewCall<T> few) {
  using Columns = LaneColumns<T, lanes>;
  constexpr int groups = few_warps * 32 / lanes, columns = 8 * lanes;
  constexpr int unroll = pack_width<T> / 2;  // keys: 128 bytes of them and their values are under way
  __shared__ float merged[few_warps][rows][columns + 2];
  const AttentionForward<T>& call = few.call;
  const int32_t kv_heads = call.options.kv_heads, group_heads = call.options.heads / kv_heads;
  const int width = call.options.head_dim;
  unsigned block = blockIdx.x;
  const auto next = [&](int32_t size) {
    const auto index = static_cast<int32_t>(block % static_cast<unsigned>(size));
    block /= static_cast<unsigned>(size);
    return index;
  };
  const int32_t stretch = next(few.stretches), first_row = next(few.row_chunks) * rows,
                kv_head = next(kv_heads);
  const AttentionSegment segment = segment_at(call.segments, block);
  if (segment.query_count <= 0 || segment.query_count > few_queries) return;
  const int32_t left = segment.query_count * group_heads - first_row, count = left < rows ? left : rows;
  const AttentionMask mask(call.options, segment);
  const Stretches cut(mask, segment.query_count, few.stretches);
  if (count <= 0 || stretch >= cut.count) return;
  const int32_t begin = cut.low + stretch * cut.length,
                end = cut.high - begin < cut.length ? cut.high : begin + cut.length;

  // Row r is query r / group_heads, head r % group_heads.
  const int lane = static_cast<int>(threadIdx.x) % lanes, group = static_cast<int>(threadIdx.x) / lanes;
  const auto query_of = [&](int r) { return (first_row + r) / group_heads; };
  const auto head_of = [&](int r) { return kv_head * group_heads + (first_row + r) % group_heads; };
  float q[rows][8];
  int32_t query[rows];
  FewSums<rows> sums;
  PEFT_UNROLL
  for (int r = 0; r < rows; ++r) {
    sums.maximum[r] = -INFINITY;
    sums.sum[r] = 0;
    PEFT_UNROLL
    for (int i = 0; i < 8; ++i) sums.out[r][i] = 0;
    query[r] = r < count ? query_of(r) : 0;
    Columns row;
    row.clear();
    if (r < count)
      row.load(call.q.row(int64_t{segment.query_begin} + query[r]) + int64_t{head_of(r)} * width, lane, width);
    PEFT_UNROLL
    for (int i = 0; i < 8; ++i) q[r][i] = call.options.scale * row.at(i);
  }

  const HeadRows<T> keys = call.kv.keys(call.options, segment, block, kv_head);
  const HeadRows<T> values = call.kv.values(call.options, segment, block, kv_head);
  for (int32_t base = begin; base < end; base += groups * unroll) {
    Columns k[unroll], v[unroll];
    PEFT_UNROLL
    for (int u = 0; u < unroll; ++u) {
      const int32_t key = base + group * unroll + u;
      k[u].clear();
      v[u].clear();
      if (key >= end) continue;
      k[u].load(keys.row(key), lane, width);
      v[u].load(values.row(key), lane, width);
    }
    PEFT_UNROLL
    for (int r = 0; r < rows; ++r) {
      if (r >= count) break;
      float score[unroll];
      bool seen[unroll];
      float highest = sums.maximum[r];
      PEFT_UNROLL
      for (int u = 0; u < unroll; ++u) {
        const int32_t key = base + group * unroll + u;
        score[u] = 0;
        PEFT_UNROLL
        for (int i = 0; i < 8; ++i) score[u] = fmaf(q[r][i], k[u].at(i), score[u]);
        PEFT_UNROLL
        for (int distance = lanes / 2; distance > 0; distance /= 2)
          score[u] += __shfl_xor_sync(whole_warp, score[u], distance);
        seen[u] = key < end && mask.visible(query[r], key);
        if (seen[u]) highest = fmaxf(highest, score[u]);
      }
      if (highest > sums.maximum[r]) {
        const float factor = expf(sums.maximum[r] - highest);
        sums.maximum[r] = highest;
        sums.sum[r] *= factor;
        PEFT_UNROLL
        for (int i = 0; i < 8; ++i) sums.out[r][i] *= factor;
      }
      PEFT_UNROLL
      for (int u = 0; u < unroll; ++u) {
        const float weight = seen[u] ? expf(score[u] - highest) : 0.0f;
        sums.sum[r] += weight;
        PEFT_UNROLL
        for (int i = 0; i < 8; ++i) sums.out[r][i] = fmaf(weight, v[u].at(i), sums.out[r][i]);
      }
    }
  }

  merge_lanes<lanes>(sums);
  const int warp = static_cast<int>(threadIdx.x) / 32;
  if (threadIdx.x % 32 < lanes) {
    PEFT_UNROLL
    for (int r = 0; r < rows; ++r) {
      PEFT_UNROLL
      for (int i = 0; i < 8; ++i) merged[warp][r][Columns::column(lane, i)] = sums.out[r][i];
      if (lane == 0) {
        merged[warp][r][columns] = sums.maximum[r];
        merged[warp][r][columns + 1] = sums.sum[r];
      }
    }
  }
  __syncthreads();
  for (int index = static_cast<int>(threadIdx.x); index < count * columns; index += few_threads) {
    const int r = index / columns, column = index % columns;
    if (column >= width) continue;
    float maximum = -INFINITY, sum = 0, out = 0;
    for (int w = 0; w < few_warps; ++w) {
      const Merge merge(maximum, merged[w][r][columns]);
      maximum = merge.maximum;
      sum = merge.first * sum + merge.second * merged[w][r][columns + 1];
      out = merge.first * out + merge.second * merged[w][r][column];
    }
    const int64_t row = int64_t{segment.query_begin} + query_of(r), head = head_of(r);
    if (cut.count == 1) {
      call.out.at(row, head * width + column) = from_float<T>((sum > 0 ? 1 / sum : sum) * out);
      if (column == 0 && call.lse.data != nullptr) call.lse.at(row, head) = maximum + logf(sum);
      continue;
    }
    float* to = partial_of(few, stretch, row, head);
    to[2 + column] = out;
    if (column == 0) {
      to[0] = maximum;
      to[1] = sum;
    }
  }
}

// A warp: one query of one head. Tokens outside every segment get zeros.
template <typename T>
__global__ void __launch_bounds__(few_threads) combine_kernel(FewCall<T> few) {
  const AttentionForward<T>& call = few.call;
  const int64_t heads = call.options.heads, width = call.options.head_dim;
  const int64_t number = int64_t{blockIdx.x} * few_warps + threadIdx.x / 32;
  const int64_t row = number / heads, head = number % heads;
  if (row >= call.q.rows) return;
  const int lane = static_cast<int>(threadIdx.x % 32);
  const SegmentPlace place = find_row(call.segments, SegmentSide::queries, row);
  T* out = call.out.row(row) + head * width;
  if (!place) {
    for (int64_t c = lane; c < width; c += 32) out[c] = T{};
    if (lane == 0 && call.lse.data != nullptr) call.lse.at(row, head) = 0;
    return;
  }
  if (place.segment.query_count > few_queries) return;
  const Stretches cut(AttentionMask(call.options, place.segment), place.segment.query_count, few.stretches);
  if (cut.count == 1) return;

  float maximum = -INFINITY;
  for (int s = 0; s < cut.count; ++s) maximum = fmaxf(maximum, partial_of(few, s, row, head)[0]);
  const auto factor_of = [&](const float* part) {
    return part[0] == maximum ? 1.0f : expf(part[0] - maximum);
  };
  float sum = 0;
  for (int s = 0; s < cut.count; ++s) {
    const float* part = partial_of(few, s, row, head);
    sum = fmaf(factor_of(part), part[1], sum);
  }
  const float inverse = sum > 0 ? 1 / sum : sum;
  for (int64_t c = lane; c < width; c += 32) {
    float total = 0;
    for (int s = 0; s < cut.count; ++s) {
      const float* part = partial_of(few, s, row, head);
      total = fmaf(factor_of(part), part[2 + c], total);
    }
    out[c] = from_float<T>(inverse * total);
  }
  if (lane == 0 && call.lse.data != nullptr) call.lse.at(row, head) = maximum + logf(sum);
}

inline int64_t floats_a_stretch(const AttentionOptions& options, int64_t queries) {
  return queries * options.heads * (int64_t{options.head_dim} + 2);
}

// Enough blocks for a whole GPU, were each query a segment.
inline int64_t stretches_of(const AttentionOptions& options, int64_t queries) {
  const int64_t blocks = queries * options.kv_heads;
  const int64_t count = blocks > 0 ? (blocks_wanted + blocks - 1) / blocks : 1;
  return count < most_stretches ? count : most_stretches;
}

template <typename T, int rows>
void start_few(cudaStream_t stream, FewCall<T>& few) {
  const AttentionForward<T>& call = few.call;
  const int64_t queries = call.q.rows < few_queries ? call.q.rows : few_queries;
  const int64_t group_heads = call.options.heads / call.options.kv_heads;
  few.row_chunks = static_cast<int32_t>((queries * group_heads + rows - 1) / rows);
  const int64_t blocks = call.segments.rows * call.options.kv_heads * few.row_chunks * few.stretches;
  check(blocks < int64_t{1} << 31, Code::limit, "{} stretches of keys", blocks);
  const auto start = [&](auto kernel) {
    launch(stream, dim3(static_cast<unsigned>(blocks)), dim3(few_threads), 0, kernel, few);
  };
  if (call.options.head_dim <= 32) {
    start(attention_few_kernel<T, 4, rows>);
  } else if (call.options.head_dim <= 64) {
    start(attention_few_kernel<T, 8, rows>);
  } else if (call.options.head_dim <= 128) {
    start(attention_few_kernel<T, 16, rows>);
  } else {
    start(attention_few_kernel<T, 32, rows>);
  }
}

template <typename T>
void attend_few(cudaStream_t stream, const AttentionForward<T>& call, View scratch) {
  if (call.q.rows == 0) return;
  FewCall<T> few{call};
  // Not more stretches than fit: then no number of keys can lead beyond the scratch.
  const int64_t room = scratch ? storage_bytes(scratch.dtype, scratch.shape) / 4 : 0;
  const int64_t fit = room / floats_a_stretch(call.options, call.q.rows);
  const int64_t wanted = stretches_of(call.options, call.q.rows), stretches = fit < wanted ? fit : wanted;
  if (stretches > 1) {
    few.stretches = static_cast<int32_t>(stretches);
    few.partial = reinterpret_cast<float*>(scratch.data);
  }
  if (call.options.heads / call.options.kv_heads <= 4) {
    start_few<T, 4>(stream, few);
  } else {
    start_few<T, 8>(stream, few);
  }
  if (stretches > 1) {
    const unsigned blocks = blocks_for(call.q.rows * call.options.heads, few_warps);
    launch(stream, dim3(blocks), dim3(few_threads), 0, combine_kernel<T>, few);
  } else {
    clear_outside(stream, call.segments, SegmentSide::queries, call.out, call.lse);
  }
}

}  // namespace peft::cuda
