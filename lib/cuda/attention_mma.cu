// Attention forward of bf16 on tensor cores: a tile of queries against tiles of keys, online softmax in registers
// (FlashAttention-2: Dao 2023).
#include "cuda/attention_mma.cuh"

namespace peft::cuda {
namespace {

constexpr int short_depth = 64, wide_depth = 128;

// Up to 128 columns a warp has 32 queries: an operand out of K and V then serves two products, and the sums of `out`
// are 128 registers, as with 16 queries of 256 columns.
constexpr int row_tiles_of(int depth) { return depth <= wide_depth ? 2 : 1; }
constexpr int key_tile_of(int depth) { return depth <= wide_depth ? 64 : 32; }
constexpr int query_tile_of(int depth) { return 16 * mma_warps * row_tiles_of(depth); }
// Meant to run at once on a multiprocessor: 168 or 255 registers a thread.
constexpr int blocks_of(int depth) { return depth <= short_depth ? 3 : 2; }

struct MmaCall {
  AttentionForward<BFloat16> call;
  int32_t few;
  int64_t tiles;
  ScoreScale scale;
};

constexpr int64_t shared_bytes_of(int depth) {
  return (query_tile_of(depth) + 2 * key_tile_of(depth)) * mma_row_bytes(depth);
}

// The running softmax of a thread's rows, two of each row tile. `sum` is of the thread's own columns.
template <int row_tiles>
struct RunningSoftmax {
  float maximum[row_tiles][2], sum[row_tiles][2];

  __device__ RunningSoftmax() {
    PEFT_UNROLL
    for (int m = 0; m < row_tiles; ++m) {
      PEFT_UNROLL
      for (int half = 0; half < 2; ++half) maximum[m][half] = -INFINITY, sum[m][half] = 0;
    }
  }

  // Turns scores (-infinity: not seen) into 2^(factor (score - maximum)), and gives the factors by which what was
  // summed so far shrinks. Says whether one of them is not 1. A maximum skips NaN; the sum does not.
  template <int column_tiles>
  __device__ bool absorb(float (&scores)[row_tiles][column_tiles][4], float factor, float (&shrink)[row_tiles][2]) {
    bool changed = false;
    PEFT_UNROLL
    for (int m = 0; m < row_tiles; ++m) {
      PEFT_UNROLL
      for (int half = 0; half < 2; ++half) {
        float highest = maximum[m][half];
        PEFT_UNROLL
        for (int n = 0; n < column_tiles; ++n)
          highest = fmaxf(highest, fmaxf(scores[m][n][2 * half], scores[m][n][2 * half + 1]));
        highest = fmaxf(highest, __shfl_xor_sync(whole_warp, highest, 1));
        highest = fmaxf(highest, __shfl_xor_sync(whole_warp, highest, 2));
        const float base = highest == -INFINITY ? 0.0f : factor * highest;
        shrink[m][half] = exp2_fast(fmaf(factor, maximum[m][half], -base));
        changed = changed || !(shrink[m][half] == 1);
        maximum[m][half] = highest;
        float added = 0;
        PEFT_UNROLL
        for (int n = 0; n < column_tiles; ++n) {
          PEFT_UNROLL
          for (int i = 2 * half; i < 2 * half + 2; ++i) {
            scores[m][n][i] = exp2_fast(fmaf(factor, scores[m][n][i], -base));
            added += scores[m][n][i];
          }
        }
        sum[m][half] = fmaf(sum[m][half], shrink[m][half], added);
      }
    }
    return changed;
  }
};

// What a block needs now and then stands in shared memory: registers are the sums'.
template <int query_tile>
struct ForwardWork {
  HeadRows<BFloat16> keys, values;
  HeadColumns<const BFloat16> q;
  HeadColumns<BFloat16> out;
  HeadColumns<float> lse;  // perhaps without data
  int32_t queries, low, high, key_tiles;
  SeenKeys seen[query_tile];
};

// A block: one tile of queries of one head.
template <int depth>
__global__ void __launch_bounds__(mma_threads, blocks_of(depth)) attention_mma_kernel(MmaCall tile) {
  PEFT_DYNAMIC_SHARED(BFloat16, shared);
  constexpr int row_tiles = row_tiles_of(depth), query_tile = query_tile_of(depth), key_tile = key_tile_of(depth);
  constexpr int warp_rows = 16 * row_tiles, stride = mma_stride(depth), column_tiles = depth / 8;
  const AttentionForward<BFloat16>& call = tile.call;
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
  const int32_t kv_head = head / (heads / call.options.kv_heads);

  __shared__ ForwardWork<query_tile> work;
  if (threadIdx.x == 0) {
    const int64_t query_row = int64_t{segment.query_begin} + first, head_column = int64_t{head} * width;
    work.keys = call.kv.keys(call.options, segment, place.index, kv_head);
    work.values = call.kv.values(call.options, segment, place.index, kv_head);
    work.q = {call.q.row(query_row) + head_column, call.q.stride};
    work.out = {call.out.row(query_row) + head_column, call.out.stride};
    work.lse = {nullptr, call.lse.stride};
    if (call.lse.data != nullptr) work.lse.data = call.lse.row(query_row) + head;
    work.queries = queries;
    work.low = low;
    work.high = high;
    work.key_tiles = high > low ? (high - low - 1) / key_tile + 1 : 0;
  }
  for (int row = static_cast<int>(threadIdx.x); row < query_tile; row += mma_threads)
    work.seen[row] = {mask.low(first + row), mask.high(first + row)};
  __syncthreads();

  BFloat16 *q = shared, *k = q + query_tile * stride, *v = k + key_tile * stride;
  const auto fetch = [&](const HeadRows<BFloat16>& source, int unit, BFloat16* to) {
    const int32_t begin = work.low + unit * key_tile;
    fetch_rows<key_tile, depth>([&](int row) { return source.row(begin + row); }, work.high - begin, width, to);
  };
  fetch_rows<query_tile, depth>([&](int row) { return work.q.row(row); }, queries, width, q);
  if (work.key_tiles > 0) fetch(work.keys, 0, k);

  // This warp's rows, and the keys that they see: both bounds grow from row to row.
  const int warp_row = warp_rows * warp_of_block();
  const SeenKeys *first_seen = work.seen + warp_row, *last_seen = first_seen + warp_rows - 1;
  BFloat16* own_rows = q + warp_row * stride;
  const SharedAddress q_lane = lane_rows<depth>(own_rows), k_lane = lane_columns<depth>(k),
                      v_lane = lane_rows<depth>(v);
  RunningSoftmax<row_tiles> softmax;
  float out[row_tiles][column_tiles][4];
  clear(out);
  for (int unit = 0; unit < work.key_tiles; ++unit) {
    const int32_t begin = work.low + unit * key_tile;
    const bool seen = warp_row < work.queries && first_seen->low < begin + key_tile && last_seen->high > begin;
    copies_arrive();
    __syncthreads();  // the keys are there, the last values have been read
    fetch(work.values, unit, v);
    float scores[row_tiles][key_tile / 8][4];
    if (seen) {
      clear(scores);
      multiply_columns<depth, 8>(scores, q_lane, k_lane);
    }
    copies_arrive();
    __syncthreads();  // the values are there, the keys have been read
    if (unit + 1 < work.key_tiles) fetch(work.keys, unit + 1, k);
    if (!seen) continue;
    tile.scale.apply(scores);
    if (last_seen->low > begin || first_seen->high < begin + key_tile) {
      PEFT_UNROLL
      for (int m = 0; m < row_tiles; ++m) {
        PEFT_UNROLL
        for (int half = 0; half < 2; ++half) {
          const SeenKeys row = first_seen[row_of_sum(m, 2 * half)];
          PEFT_UNROLL
          for (int n = 0; n < key_tile / 8; ++n) {
            PEFT_UNROLL
            for (int i = 2 * half; i < 2 * half + 2; ++i)
              if (!row.contains(begin + column_of_sum(n, i))) scores[m][n][i] = -INFINITY;
          }
        }
      }
    }
    float shrink[row_tiles][2];
    // Maxima seldom change after the first tiles.
    if (__any_sync(whole_warp, softmax.absorb(scores, tile.scale.factor, shrink))) {
      PEFT_UNROLL
      for (int m = 0; m < row_tiles; ++m) {
        PEFT_UNROLL
        for (int n = 0; n < column_tiles; ++n) {
          PEFT_UNROLL
          for (int i = 0; i < 4; ++i) out[m][n][i] *= shrink[m][i / 2];
        }
      }
    }
    uint32_t weights[row_tiles][key_tile / 16][4];
    round_to_operand(scores, weights);
    multiply_rows<depth>(out, weights, v_lane);
  }
  copies_arrive();
  __syncthreads();  // without keys nothing has waited for the queries' copies

  float inverse[row_tiles][2];
  PEFT_UNROLL
  for (int m = 0; m < row_tiles; ++m) {
    PEFT_UNROLL
    for (int half = 0; half < 2; ++half) {
      float sum = softmax.sum[m][half];
      sum += __shfl_xor_sync(whole_warp, sum, 1);
      sum += __shfl_xor_sync(whole_warp, sum, 2);
      inverse[m][half] = sum > 0 ? 1 / sum : sum;  // 0 without keys, NaN stays
      const int row = warp_row + row_of_sum(m, 2 * half);
      if (work.lse.data != nullptr && row < work.queries && lane_of_warp() % 4 == 0)
        *work.lse.row(row) = tile.scale.natural * softmax.maximum[m][half] + logf(sum);
    }
  }
  store_rows<depth>(
      out, [&](int m, int half) { return inverse[m][half]; }, [&](int row) { return work.out.row(warp_row + row); },
      work.queries - warp_row, width, own_rows);
}

template <int depth>
void start_tiles(cudaStream_t stream, const AttentionForward<BFloat16>& call, int32_t few) {
  const MmaCall tile{call, few, most_tiles(call.q.rows, call.segments.rows, query_tile_of(depth)),
                     ScoreScale(call.options.scale)};
  const int64_t blocks = tile.tiles * call.options.heads;
  check(blocks < int64_t{1} << 31, Code::limit, "{} tiles of queries and heads", blocks);
  launch(stream, dim3(static_cast<unsigned>(blocks)), dim3(mma_threads), static_cast<size_t>(shared_bytes_of(depth)),
         attention_mma_kernel<depth>, tile);
}

}  // namespace

void attend_tiles(cudaStream_t stream, const DeviceProperties& /*properties*/, const AttentionForward<BFloat16>& call,
                  int32_t few) {
  const int32_t width = call.options.head_dim;
  if (width <= 64) return start_tiles<64>(stream, call, few);
  if (width <= 96) return start_tiles<96>(stream, call, few);
  if (width <= 128) return start_tiles<128>(stream, call, few);
  start_tiles<256>(stream, call, few);
}

}  // namespace peft::cuda
