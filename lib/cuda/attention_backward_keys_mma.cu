// dk and dv of attention of bf16 on tensor cores: a block sums over all queries that see its tile of keys. Products
// are transposed: a warp owns keys, its registers hold P^T and dS^T.
#include "cuda/attention_backward_mma.cuh"

namespace peft::cuda {
namespace {

// dk and dv take 128 registers together: of 32 keys of up to 64 columns, or 16 keys of up to 128. Of wider heads a
// block makes 128 columns, and recomputes the probabilities for them.
constexpr int row_tiles_of(int depth) { return depth <= 64 ? 2 : 1; }
constexpr int key_tile_of(int depth) { return 16 * mma_warps * row_tiles_of(depth); }
constexpr int columns_of(int depth) { return depth <= 128 ? depth : 128; }

// Of a tile of queries, behind their rows.
template <int query_tile>
struct alignas(16) QueryColumns {
  float lse[query_tile], delta[query_tile];
  SeenKeys seen[query_tile];
  int32_t count;
};

template <int depth, int query_tile>
constexpr int64_t stage_bytes_of = 2 * query_tile * mma_row_bytes(depth) + sizeof(QueryColumns<query_tile>);

struct KeysWork {
  AttentionMask mask;
  HeadColumns<const BFloat16> q, dout;  // of the segment's queries and the block's first head
  int64_t key_row, out_column;
  int32_t query_row, first_head;
  int32_t low, high, tiles, units;  // the queries that see any of the keys, for each head; tiles of all heads
  int32_t keys, out_width;
};

// The sums of several blocks are added up in f32.
template <int row_tiles, int column_tiles, class RowOf>
__device__ void store_part(const float (&sums)[row_tiles][column_tiles][4], float factor, const RowOf& row_of,
                           int count, int width) {
  PEFT_UNROLL
  for (int m = 0; m < row_tiles; ++m) {
    PEFT_UNROLL
    for (int half = 0; half < 2; ++half) {
      const int row = row_of_sum(m, 2 * half);
      if (row >= count) continue;
      float* to = row_of(row);
      PEFT_UNROLL
      for (int n = 0; n < column_tiles; ++n) {
        const int column = column_of_sum(n, 0);
        const float *s = sums[m][n] + 2 * half, low = factor * s[0], high = factor * s[1];
        if (column + 2 <= width && reinterpret_cast<uintptr_t>(to + column) % 8 == 0) {
          *reinterpret_cast<float2*>(to + column) = float2{low, high};
        } else {
          if (column < width) to[column] = low;
          if (column + 1 < width) to[column + 1] = high;
        }
      }
    }
  }
}

// A block: one tile of keys for one kv head and the query heads of its group in order, or for a part of them; and of
// heads of more than 128 columns, half of these. Two blocks a multiprocessor, 255 registers a thread.
template <int depth, int query_tile>
__global__ void __launch_bounds__(mma_threads, 2) backward_keys_mma_kernel(MmaBackwardCall backward) {
  PEFT_DYNAMIC_SHARED(BFloat16, shared);
  constexpr int unroll = depth <= 64 ? 2 : 4;
  constexpr int row_tiles = row_tiles_of(depth), key_tile = key_tile_of(depth), warp_rows = 16 * row_tiles;
  constexpr int stride = mma_stride(depth), columns = columns_of(depth);
  constexpr int stage_bytes = static_cast<int>(stage_bytes_of<depth, query_tile>);
  constexpr int tile_bytes = static_cast<int>(query_tile * mma_row_bytes(depth));
  const AttentionBackward<BFloat16>& call = backward.call;
  const int32_t width = call.options.head_dim;
  const int32_t heads = call.options.heads / call.options.kv_heads / call.parts;  // that this block sums over
  unsigned block = blockIdx.x;
  const auto next = [&](int32_t size) {
    const auto index = static_cast<int32_t>(block % static_cast<unsigned>(size));
    block /= static_cast<unsigned>(size);
    return index;
  };
  const int32_t slice = next(depth / columns) * columns, column = next(call.options.kv_heads * call.parts);
  // Early tiles of a causal segment are seen by most queries: they come first.
  const SegmentPlace place = find_tile<key_tile>(call.segments, SegmentSide::keys, 0, block);
  if (!place) return;

  const AttentionSegment& segment = place.segment;
  const AttentionMask mask(call.options, segment);
  const int32_t first = place.first, left = segment.key_count - first, keys = left < key_tile ? left : key_tile;
  const int32_t low = mask.first_query(first), high = mask.last_query(first + keys - 1, segment.query_count);
  const int64_t key_row = int64_t{segment.key_begin} + first;

  // What is needed now and then stands here: registers are the sums'.
  __shared__ KeysWork work;
  if (threadIdx.x == 0) {
    const int64_t query_row = segment.query_begin, head_column = int64_t{column} * heads * width;
    work.mask = mask;
    work.q = {call.q.row(query_row) + head_column, call.q.stride};
    work.dout = {call.dout.row(query_row) + head_column, call.dout.stride};
    work.key_row = key_row;
    work.out_column = int64_t{column} * width + slice;
    work.query_row = segment.query_begin;
    work.first_head = column * heads;
    work.low = low;
    work.high = high;
    work.tiles = high > low ? (high - low - 1) / query_tile + 1 : 0;
    work.units = heads * work.tiles;
    work.keys = keys;
    work.out_width = width - slice;
  }
  BFloat16 *k = shared, *v = k + key_tile * stride, *stages = v + key_tile * stride;
  const int64_t kv_column = int64_t{column / call.parts} * width;
  fetch_rows<key_tile, depth>([&](int row) { return call.k.row(key_row + row) + kv_column; }, keys, width, k);
  fetch_rows<key_tile, depth>([&](int row) { return call.v.row(key_row + row) + kv_column; }, keys, width, v);
  __syncthreads();

  // Units: tiles of queries, head after head.
  const TileStages stream{backward.stages, work.units};
  const auto columns_at = [&](int stage) {
    return reinterpret_cast<QueryColumns<query_tile>*>(reinterpret_cast<unsigned char*>(stages) + stage * stage_bytes +
                                                       2 * tile_bytes);
  };
  const auto fetch = [&](int unit, int stage) {
    const int32_t head = unit / work.tiles, begin = work.low + (unit - head * work.tiles) * query_tile,
                  count = work.high - begin;
    BFloat16* to = reinterpret_cast<BFloat16*>(reinterpret_cast<unsigned char*>(stages) + stage * stage_bytes);
    const HeadColumns<const BFloat16> q = {work.q.data + head * width, work.q.stride};
    fetch_rows<query_tile, depth>([&](int row) { return q.row(begin + row); }, count, width, to);
    const HeadColumns<const BFloat16> dout = {work.dout.data + head * width, work.dout.stride};
    fetch_rows<query_tile, depth>([&](int row) { return dout.row(begin + row); }, count, width,
                                  to + query_tile * stride);
    QueryColumns<query_tile>* values = columns_at(stage);
    const int query = static_cast<int>(threadIdx.x);
    if (query >= query_tile) return;
    if (query == 0) values->count = count < query_tile ? count : query_tile;
    if (query < count) {
      const int64_t row = int64_t{work.query_row} + begin + query;
      const int32_t column_of_head = work.first_head + head;
      copy_async<4>(values->lse + query, &call.lse.at(row, column_of_head));
      copy_async<4>(values->delta + query, call.delta + row * call.options.heads + column_of_head);
      values->seen[query] = {work.mask.low(begin + query), work.mask.high(begin + query)};
    } else {
      values->lse[query] = values->delta[query] = 0;
      values->seen[query] = {0, 0};
    }
  };
  stream.start(fetch);

  const int warp_row = warp_rows * warp_of_block(), warp_key = first + warp_row;
  BFloat16 *own_k = k + warp_row * stride, *own_v = v + warp_row * stride;
  const SharedAddress k_lane = lane_rows<depth>(own_k);
  const SharedAddress column_lane = lane_columns<depth>(stages), row_lane = lane_rows<depth>(stages) + 2 * slice;
  float dk[row_tiles][columns / 8][4], dv[row_tiles][columns / 8][4];
  clear(dk);
  clear(dv);
  for (int unit = 0; unit < stream.units; ++unit) {
    const int stage = stream.take(fetch, unit), at = stage * stage_bytes;
    const QueryColumns<query_tile>& values = *columns_at(stage);
    const SeenKeys first_seen = values.seen[0], last_seen = values.seen[values.count - 1];
    if (first_seen.low >= warp_key + warp_rows || last_seen.high <= warp_key || warp_row >= work.keys) continue;
    float scores[row_tiles][query_tile / 8][4], ds[row_tiles][query_tile / 8][4];
    clear(scores);
    multiply_columns<depth, unroll>(scores, k_lane, column_lane + at);
    backward.scale.apply(scores);
    clear(ds);
    multiply_columns<depth, unroll>(ds, k_lane + key_tile * static_cast<int>(mma_row_bytes(depth)),
                                    column_lane + (at + tile_bytes));
    const bool all =
        values.count == query_tile && last_seen.low <= warp_key && first_seen.high >= warp_key + warp_rows;
    PEFT_UNROLL
    for (int n = 0; n < query_tile / 8; ++n) {
      PEFT_UNROLL
      for (int j = 0; j < 2; ++j) {
        const int query = column_of_sum(n, j);
        const float exponent = log2_of_e * values.lse[query], delta = values.delta[query];
        SeenKeys seen{0, 0};
        if (!all) seen = values.seen[query];
        PEFT_UNROLL
        for (int m = 0; m < row_tiles; ++m) {
          PEFT_UNROLL
          for (int i = j; i < 4; i += 2) {
            const float p = exp2_fast(fmaf(backward.scale.factor, scores[m][n][i], -exponent));
            const bool here = all || seen.contains(warp_key + row_of_sum(m, i));
            scores[m][n][i] = here ? p : 0.0f;
            ds[m][n][i] = here ? p * (ds[m][n][i] - delta) : 0.0f;
          }
        }
      }
    }
    uint32_t weights[row_tiles][query_tile / 16][4];
    round_to_operand(scores, weights);
    multiply_rows<depth>(dv, weights, row_lane + (at + tile_bytes));
    round_to_operand(ds, weights);
    multiply_rows<depth>(dk, weights, row_lane + at);
  }
  copies_arrive();
  __syncthreads();  // without queries nothing has waited for the keys' copies

  const int count = work.keys - warp_row, out_width = work.out_width;
  const int64_t out_row = work.key_row + warp_row, out_column = work.out_column;
  if (call.parts > 1) {
    store_part(dk, call.options.scale, [&](int row) { return call.dk_parts.row(out_row + row) + out_column; }, count,
               out_width);
    store_part(dv, 1.0f, [&](int row) { return call.dv_parts.row(out_row + row) + out_column; }, count, out_width);
    return;
  }
  store_rows<depth>(
      dk, [&](int, int) { return call.options.scale; },
      [&](int row) { return call.dk.row(out_row + row) + out_column; }, count, out_width, own_k);
  store_rows<depth>(
      dv, [&](int, int) { return 1.0f; }, [&](int row) { return call.dv.row(out_row + row) + out_column; }, count,
      out_width, own_v);
}

template <int depth, int query_tile>
void start(cudaStream_t stream, const DeviceProperties& properties, const AttentionBackward<BFloat16>& call) {
  const int64_t tiles = most_tiles(call.k.rows, call.segments.rows, key_tile_of(depth));
  start_backward_mma(stream, properties, call, tiles,
                     int64_t{call.options.kv_heads} * call.parts * (depth / columns_of(depth)),
                     2 * key_tile_of(depth) * mma_row_bytes(depth), stage_bytes_of<depth, query_tile>,
                     backward_keys_mma_kernel<depth, query_tile>);
}

}  // namespace

void backward_keys(cudaStream_t stream, const DeviceProperties& properties, const AttentionBackward<BFloat16>& call) {
  const int32_t width = call.options.head_dim;
  if (width <= 64) return start<64, 32>(stream, properties, call);
  if (width <= 96) return start<96, 64>(stream, properties, call);
  if (width <= 128) return start<128, 64>(stream, properties, call);
  if (properties.shared_bytes_a_block > 128 * 1024) return start<256, 32>(stream, properties, call);
  start<256, 16>(stream, properties, call);
}

}  // namespace peft::cuda
