// Attention forward: queries in tiles against tiles of keys, online softmax (Dao et al. 2022), nothing of
// size queries x keys.
#include <algorithm>
#include <cmath>

#include "cuda/attention.cuh"
#include "cuda/attention_tile.cuh"
#include "cuda/cudnn_attention.h"

namespace peft::cuda {
namespace {

constexpr int query_tile = 64;

struct TileCall {
  AttentionForward<float> call;
  int32_t few;
  int64_t tiles;
  int buffers;
};

// Shared memory beside the chunks: queries, weights.
constexpr int64_t tile_floats(int chunks) { return query_tile * (tile_stride(chunks) + chunk_stride); }

__device__ inline float row_maximum(float value) {
  for (int lanes = tile_threads_x / 2; lanes > 0; lanes /= 2)
    value = fmaxf(value, __shfl_xor_sync(whole_warp, value, lanes));
  return value;
}
__device__ inline float row_sum(float value) {
  for (int lanes = tile_threads_x / 2; lanes > 0; lanes /= 2)
    value += __shfl_xor_sync(whole_warp, value, lanes);
  return value;
}

// The running softmax of a thread's rows. `sum` is of the thread's own keys.
template <int rows>
struct RunningSoftmax {
  float maximum[rows], sum[rows];

  __device__ RunningSoftmax() {
    PEFT_UNROLL
    for (int i = 0; i < rows; ++i) maximum[i] = -INFINITY, sum[i] = 0;
  }

  // Turns scores into exp(score - maximum), and gives the factors by which what was summed so far shrinks.
  // visible(i, j): whether row i sees the thread's key j. A maximum skips NaN; the sum does not.
  template <class Visible>
  __device__ void absorb(float (&scores)[rows][4], float (&factors)[rows], bool all, const Visible& visible) {
    PEFT_UNROLL
    for (int i = 0; i < rows; ++i) {
      bool seen[4];
      float highest = -INFINITY;
      PEFT_UNROLL
      for (int j = 0; j < 4; ++j) {
        seen[j] = all || visible(i, j);
        if (seen[j]) highest = fmaxf(highest, scores[i][j]);
      }
      highest = row_maximum(highest);
      factors[i] = 1;
      if (highest > maximum[i]) {
        factors[i] = expf(maximum[i] - highest);
        maximum[i] = highest;
      }
      float added = 0;
      PEFT_UNROLL
      for (int j = 0; j < 4; ++j) {
        scores[i][j] = seen[j] ? expf(scores[i][j] - maximum[i]) : 0.0f;
        added += scores[i][j];
      }
      sum[i] = fmaf(sum[i], factors[i], added);
    }
  }
};

// A block: one tile of queries of one head.
template <int chunks, int threads>
__global__ void __launch_bounds__(threads, 256 / threads) attention_tile_kernel(TileCall tile) {
  PEFT_DYNAMIC_SHARED(float, shared);
  constexpr int height = threads / tile_threads_x, rows = query_tile / height, stride = tile_stride(chunks);
  const AttentionForward<float>& call = tile.call;
  const int32_t heads = call.options.heads, width = call.options.head_dim;
  // Late tiles of a causal segment are the longest: they come first.
  const int32_t head = static_cast<int32_t>(blockIdx.x % static_cast<unsigned>(heads));
  const int64_t number = tile.tiles - 1 - blockIdx.x / static_cast<unsigned>(heads);
  const SegmentPlace place = find_tile<query_tile>(call.segments, SegmentSide::queries, tile.few, number);
  if (!place) return;

  const AttentionSegment& segment = place.segment;
  const AttentionMask mask(call.options, segment);
  const int32_t first = place.first, left = segment.query_count - first,
                queries = left < query_tile ? left : query_tile;
  const int32_t low = mask.low(first), high = mask.high(first + queries - 1);
  const int key_tiles = high > low ? (high - low - 1) / chunk_size + 1 : 0;
  const int32_t kv_head = head / (heads / call.options.kv_heads);
  const HeadRows<float> keys = call.kv.keys(call.options, segment, place.index, kv_head);
  const HeadRows<float> values = call.kv.values(call.options, segment, place.index, kv_head);

  float *q = shared, *weights = q + query_tile * stride;
  ChunkStream stream(weights + query_tile * chunk_stride, tile.buffers, key_tiles, 2 * chunks);
  const auto fetch = [&](int unit, int step, float* to) {
    const int32_t begin = low + unit * chunk_size, count = high - begin;
    const int column = (step < chunks ? step : step - chunks) * chunk_size;
    const HeadRows<float>& source = step < chunks ? keys : values;
    fetch_chunk<threads>([&](int row) { return source.row(begin + row); }, count, column, width, to);
  };
  stream.start(fetch);
  const int64_t query_row = int64_t{segment.query_begin} + first, head_column = int64_t{head} * width;
  load_tile<threads, query_tile, chunks>([&](int row) { return call.q.row(query_row + row) + head_column; },
                                         queries, width, call.options.scale, q);

  const int x = tile_x(), y = tile_y();
  RunningSoftmax<rows> softmax;
  float out[chunks][rows][4];
  PEFT_UNROLL
  for (int c = 0; c < chunks; ++c) clear(out[c]);
  for (int unit = 0; unit < key_tiles; ++unit) {
    const int32_t begin = low + unit * chunk_size,
                  count = high - begin < chunk_size ? high - begin : chunk_size;
    float scores[rows][4];
    clear(scores);
    PEFT_UNROLL
    for (int c = 0; c < chunks; ++c) {
      const float* chunk = stream.take(fetch, unit, c);
      multiply_columns<height>(scores, q + c * chunk_size, stride, chunk, chunk_depth(width, c));
    }
    float factors[rows];
    softmax.absorb(scores, factors, mask.all_visible(first, queries, begin, chunk_size), [&](int i, int j) {
      return mask.visible(first + y + height * i, begin + x + tile_threads_x * j);
    });
    PEFT_UNROLL
    for (int c = 0; c < chunks; ++c) {
      PEFT_UNROLL
      for (int i = 0; i < rows; ++i) {
        PEFT_UNROLL
        for (int j = 0; j < 4; ++j) out[c][i][j] *= factors[i];
      }
    }
    store_weights<height>(scores, weights);
    PEFT_UNROLL
    for (int c = 0; c < chunks; ++c) {
      const float* chunk = stream.take(fetch, unit, chunks + c);
      multiply_rows<height>(out[c], weights, chunk, (count + 3) / 4 * 4);
    }
  }

  PEFT_UNROLL
  for (int i = 0; i < rows; ++i) {
    const float sum = row_sum(softmax.sum[i]);
    if (y + height * i >= queries) continue;
    const int64_t row = query_row + y + height * i;
    const float inverse = sum > 0 ? 1 / sum : sum;  // 0 without keys, NaN stays
    PEFT_UNROLL
    for (int c = 0; c < chunks; ++c) {
      const float* o = out[c][i];
      store_four(float4{inverse * o[0], inverse * o[1], inverse * o[2], inverse * o[3]},
                 call.out.row(row) + head_column, c * chunk_size + 4 * x, width);
    }
    if (call.lse.data != nullptr && x == 0) call.lse.at(row, head) = softmax.maximum[i] + logf(sum);
  }
}

constexpr int clear_rows = 64;
constexpr unsigned clear_threads = 256;

template <typename A, typename B>
__global__ void __launch_bounds__(clear_threads)
    clear_outside_kernel(Segments segments, SegmentSide side, Matrix<A> a, Matrix<B> b) {
  __shared__ int inside[clear_rows];
  const int64_t first = int64_t{blockIdx.x} * clear_rows;
  const int count = static_cast<int>(a.rows - first < clear_rows ? a.rows - first : clear_rows);
  if (threadIdx.x < clear_rows) inside[threadIdx.x] = 0;
  __syncthreads();
  for (int64_t s = threadIdx.x; s < segments.rows; s += clear_threads) {
    const int32_t* row = segments.row(s);
    const int64_t begin = row[static_cast<int>(side)] - first, end = begin + row[static_cast<int>(side) + 1];
    for (int64_t r = begin > 0 ? begin : 0; r < end && r < count; ++r) atomicOr(&inside[r], 1);
  }
  __syncthreads();
  for (int r = 0; r < count; ++r) {
    if (inside[r] != 0) continue;
    for (int64_t c = threadIdx.x; c < a.columns; c += clear_threads) a.at(first + r, c) = A{};
    if (b.data == nullptr) continue;
    for (int64_t c = threadIdx.x; c < b.columns; c += clear_threads) b.at(first + r, c) = B{};
  }
}

template <int chunks, int threads>
void start_tiles(cudaStream_t stream, const DeviceProperties& properties, TileCall& tile) {
  tile.buffers = chunk_buffers(tile_floats(chunks), properties);
  const int64_t bytes = (tile_floats(chunks) + tile.buffers * chunk_floats) * 4;
  const int64_t blocks = tile.tiles * tile.call.options.heads;
  check(blocks < int64_t{1} << 31, Code::limit, "{} tiles of queries and heads", blocks);
  launch(stream, dim3(static_cast<unsigned>(blocks)), dim3(threads), static_cast<size_t>(bytes),
         attention_tile_kernel<chunks, threads>, tile);
}

}  // namespace

void attend_tiles(cudaStream_t stream, const DeviceProperties& properties, const AttentionForward<float>& call,
                  int32_t few) {
  TileCall tile{call, few, most_tiles(call.q.rows, call.segments.rows, query_tile), 0};
  switch ((call.options.head_dim - 1) / chunk_size) {
    case 0:
      return start_tiles<1, 128>(stream, properties, tile);
    case 1:
      return start_tiles<2, 128>(stream, properties, tile);
    case 2:
      return start_tiles<3, 256>(stream, properties, tile);  // half as many sums a thread
    default:
      return start_tiles<4, 256>(stream, properties, tile);
  }
}

template <typename A, typename B>
void clear_outside(cudaStream_t stream, const Segments& segments, SegmentSide side, Matrix<A> a, Matrix<B> b) {
  launch(stream, dim3(blocks_for(a.rows, clear_rows)), dim3(clear_threads), 0, clear_outside_kernel<A, B>, segments,
         side, a, b);
}
template void clear_outside(cudaStream_t, const Segments&, SegmentSide, Matrix<float>, Matrix<float>);
template void clear_outside(cudaStream_t, const Segments&, SegmentSide, Matrix<BFloat16>, Matrix<float>);
template void clear_outside(cudaStream_t, const Segments&, SegmentSide, Matrix<BFloat16>, Matrix<BFloat16>);

namespace {

template <typename T>
void attend(cudaStream_t stream, const DeviceProperties& properties, const AttentionOptions& options, ConstView q,
            ConstView k, ConstView v, ConstView segments, View out, View lse, View scratch) {
  AttentionForward<T> call;
  call.options = options;
  call.q = matrix<T>(q);
  call.kv.k = matrix<T>(k);
  call.kv.v = matrix<T>(v);
  call.segments = matrix<int32_t>(segments);
  call.out = matrix<T>(out);
  if (lse) call.lse = matrix<float>(lse);
  if (q.rows() <= few_queries) return attend_few(stream, call, scratch);
  attend_tiles(stream, properties, call, /*few=*/0);
  clear_outside(stream, call.segments, SegmentSide::queries, call.out, call.lse);
}

}  // namespace

void CudaBackend::attention(const AttentionOptions& options, ConstView q, ConstView k, ConstView v,
                            ConstView segments, View out, View lse, View scratch) {
  run("attention", [&] {
    check_head_dim(options);
    if (attend_cudnn(*this, options, q, k, v, segments, out, lse, scratch)) return;
    if (q.dtype == DType::bf16)
      return attend<BFloat16>(stream(), properties(), options, q, k, v, segments, out, lse, scratch);
    attend<float>(stream(), properties(), options, q, k, v, segments, out, lse, scratch);
  });
}

int64_t CudaBackend::attention_scratch(const AttentionOptions& options, const Shape& q, const Shape& k,
                                       DType dtype) const {
  const int64_t own = q.rows() <= few_queries ? attend_few_scratch(options, q.rows(), k.rows()) : 0;
  return std::max(own, attend_cudnn_scratch(*this, options, q, k, dtype));
}

}  // namespace peft::cuda
