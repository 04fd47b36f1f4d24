// dq of attention of bf16 on tensor cores: a block sums over all keys that its tile of queries sees.
#include "cuda/attention_backward_mma.cuh"

namespace peft::cuda {
namespace {

// Up to 128 columns a warp has 32 queries, so that an operand out of K and V serves two products; dq then takes 128
// registers, and scores and their gradients are left 32 keys at a time.
constexpr int row_tiles_of(int depth) { return depth <= 128 ? 2 : 1; }
constexpr int query_tile_of(int depth) { return 16 * mma_warps * row_tiles_of(depth); }

// Of a query; in shared memory, because registers are the sums'.
struct alignas(16) QueryRow {
  SeenKeys seen;
  float exponent, delta;  // the log-sum-exp as an exponent of 2
};

// A block: one tile of queries of one head. Two blocks a multiprocessor, 255 registers a thread.
template <int depth, int key_tile>
__global__ void __launch_bounds__(mma_threads, 2) backward_queries_mma_kernel(MmaBackwardCall backward) {
  PEFT_DYNAMIC_SHARED(BFloat16, shared);
  constexpr int row_tiles = row_tiles_of(depth), query_tile = query_tile_of(depth), warp_rows = 16 * row_tiles;
  constexpr int stride = mma_stride(depth), stage_bytes = static_cast<int>(2 * key_tile * mma_row_bytes(depth));
  const AttentionBackward<BFloat16>& call = backward.call;
  const int32_t heads = call.options.heads, width = call.options.head_dim;
  const int32_t head = static_cast<int32_t>(blockIdx.x % static_cast<unsigned>(heads));
  const int64_t number = backward.tiles - 1 - blockIdx.x / static_cast<unsigned>(heads);
  const SegmentPlace place = find_tile<query_tile>(call.segments, SegmentSide::queries, 0, number);
  if (!place) return;

  const AttentionSegment& segment = place.segment;
  const AttentionMask mask(call.options, segment);
  const int32_t first = place.first, left = segment.query_count - first,
                queries = left < query_tile ? left : query_tile;
  const int32_t low = mask.low(first), high = mask.high(first + queries - 1);
  const int64_t query_row = int64_t{segment.query_begin} + first;

  // What is needed now and then.
  __shared__ HeadColumns<const BFloat16> keys, values;
  __shared__ HeadColumns<BFloat16> dq_rows;
  __shared__ QueryRow rows[query_tile];
  if (threadIdx.x == 0) {
    const int64_t column = int64_t{head} * width, kv_column = int64_t{head / (heads / call.options.kv_heads)} * width;
    keys = {call.k.row(segment.key_begin) + kv_column, call.k.stride};
    values = {call.v.row(segment.key_begin) + kv_column, call.v.stride};
    dq_rows = {call.dq.row(query_row) + column, call.dq.stride};
  }
  for (int row = static_cast<int>(threadIdx.x); row < query_tile; row += mma_threads) {
    QueryRow& to = rows[row];
    to.seen = {mask.low(first + row), mask.high(first + row)};
    to.exponent = row < queries ? log2_of_e * call.lse.at(query_row + row, head) : 0.0f;
    to.delta = row < queries ? call.delta[(query_row + row) * heads + head] : 0.0f;
  }
  BFloat16 *q = shared, *dout = q + query_tile * stride, *stages = dout + query_tile * stride;
  const int64_t column = int64_t{head} * width;
  fetch_rows<query_tile, depth>([&](int row) { return call.q.row(query_row + row) + column; }, queries, width, q);
  fetch_rows<query_tile, depth>([&](int row) { return call.dout.row(query_row + row) + column; }, queries, width,
                                dout);
  __syncthreads();

  const int units = high > low ? (high - low - 1) / key_tile + 1 : 0;
  const TileStages stream{backward.stages, units};
  const auto fetch = [&](int unit, int stage) {
    const int32_t begin = low + unit * key_tile;
    BFloat16* to = stages + stage * 2 * key_tile * stride;
    const HeadColumns<const BFloat16> k = keys;
    fetch_rows<key_tile, depth>([&](int row) { return k.row(begin + row); }, high - begin, width, to);
    const HeadColumns<const BFloat16> v = values;
    fetch_rows<key_tile, depth>([&](int row) { return v.row(begin + row); }, high - begin, width,
                                to + key_tile * stride);
  };
  stream.start(fetch);

  const int warp_row = warp_rows * warp_of_block();
  BFloat16* own_rows = q + warp_row * stride;
  const QueryRow *first_row = rows + warp_row, *last_row = first_row + warp_rows - 1;
  const SharedAddress q_lane = lane_rows<depth>(own_rows);
  const SharedAddress column_lane = lane_columns<depth>(stages), row_lane = lane_rows<depth>(stages);
  float dq[row_tiles][depth / 8][4];
  clear(dq);
  for (int unit = 0; unit < stream.units; ++unit) {
    const int32_t begin = low + unit * key_tile;
    const int at = stream.take(fetch, unit) * stage_bytes;
    if (first_row->seen.low >= begin + key_tile || last_row->seen.high <= begin || warp_row >= queries) continue;
    float scores[row_tiles][key_tile / 8][4], ds[row_tiles][key_tile / 8][4];
    clear(scores);
    multiply_columns<depth, 4>(scores, q_lane, column_lane + at);
    backward.scale.apply(scores);
    clear(ds);
    multiply_columns<depth, 4>(ds, q_lane + query_tile * static_cast<int>(mma_row_bytes(depth)),
                               column_lane + (at + stage_bytes / 2));
    const bool all = last_row->seen.low <= begin && first_row->seen.high >= begin + key_tile;
    PEFT_UNROLL
    for (int m = 0; m < row_tiles; ++m) {
      PEFT_UNROLL
      for (int half = 0; half < 2; ++half) {
        const QueryRow row = first_row[row_of_sum(m, 2 * half)];
        PEFT_UNROLL
        for (int n = 0; n < key_tile / 8; ++n) {
          PEFT_UNROLL
          for (int i = 2 * half; i < 2 * half + 2; ++i) {
            const float p = exp2_fast(fmaf(backward.scale.factor, scores[m][n][i], -row.exponent));
            ds[m][n][i] = p * (ds[m][n][i] - row.delta);
            if (!all && !row.seen.contains(begin + column_of_sum(n, i))) ds[m][n][i] = 0;
          }
        }
      }
    }
    uint32_t weights[row_tiles][key_tile / 16][4];
    round_to_operand(ds, weights);
    multiply_rows<depth>(dq, weights, row_lane + at);
  }
  copies_arrive();
  __syncthreads();  // without keys nothing has waited for the queries' copies
  store_rows<depth>(
      dq, [&](int, int) { return call.options.scale; }, [&](int row) { return dq_rows.row(warp_row + row); },
      queries - warp_row, width, own_rows);
}

template <int depth, int key_tile>
void start(cudaStream_t stream, const DeviceProperties& properties, const AttentionBackward<BFloat16>& call) {
  const int64_t tiles = most_tiles(call.q.rows, call.segments.rows, query_tile_of(depth));
  start_backward_mma(stream, properties, call, tiles, call.options.heads,
                     2 * query_tile_of(depth) * mma_row_bytes(depth), 2 * key_tile * mma_row_bytes(depth),
                     backward_queries_mma_kernel<depth, key_tile>);
}

}  // namespace

void backward_queries(cudaStream_t stream, const DeviceProperties& properties,
                      const AttentionBackward<BFloat16>& call) {
  const int32_t width = call.options.head_dim;
  if (width <= 64) return start<64, 64>(stream, properties, call);
  if (width <= 96) return start<96, 32>(stream, properties, call);
  if (width <= 128) return start<128, 32>(stream, properties, call);
  if (properties.shared_bytes_a_block > 128 * 1024) return start<256, 32>(stream, properties, call);
  start<256, 16>(stream, properties, call);
}

}  // namespace peft::cuda
