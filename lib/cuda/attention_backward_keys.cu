// dk and dv of attention: a block sums over all queries that see its tile of keys.
#include <type_traits>

#include "cuda/attention_backward.cuh"

namespace peft::cuda {
namespace {

// A block: one tile of keys for one kv head and the query heads of its group in order, or for a part of them.
template <int chunks>
__global__ void __launch_bounds__(backward_threads, 2) backward_keys_kernel(BackwardCall backward) {
  PEFT_DYNAMIC_SHARED(float, shared);
  constexpr int height = backward_height, rows = backward_rows, stride = tile_stride(chunks);
  const AttentionBackward<float>& call = backward.call;
  const int32_t group = call.options.heads / call.options.kv_heads, width = call.options.head_dim;
  const int32_t columns = call.options.kv_heads * call.parts, heads = group / call.parts;
  // Early tiles of a causal segment are seen by most queries: they come first.
  const int32_t column = static_cast<int32_t>(blockIdx.x % static_cast<unsigned>(columns));
  const int64_t number = blockIdx.x / static_cast<unsigned>(columns);
  const SegmentPlace place = find_tile<backward_tile>(call.segments, SegmentSide::keys, 0, number);
  if (!place) return;

  const AttentionSegment& segment = place.segment;
  const AttentionMask mask(call.options, segment);
  const int32_t kv_head = column / call.parts, first_head = column * heads;
  const int32_t first = place.first, left = segment.key_count - first,
                keys = left < backward_tile ? left : backward_tile;
  const int32_t low = mask.first_query(first), high = mask.last_query(first + keys - 1, segment.query_count);
  const int tiles = high > low ? (high - low - 1) / chunk_size + 1 : 0;

  float *k = shared, *v = k + backward_tile * stride, *weights = v + backward_tile * stride;
  ChunkStream stream(weights + backward_tile * chunk_stride, backward.buffers, heads * tiles, 3 * chunks);
  // Steps: chunks of q, of dout, and of q again. Units: tiles of queries, head after head.
  const auto fetch = [&](int unit, int step, float* to) {
    const int32_t head = first_head + unit / tiles, begin = low + unit % tiles * chunk_size;
    const int part = step / chunks, chunk = step - part * chunks;
    const Matrix<const float>& source = part == 1 ? call.dout : call.q;
    const float* at = source.row(int64_t{segment.query_begin} + begin) + int64_t{head} * width;
    fetch_chunk<backward_threads>([&](int row) { return at + row * source.stride; }, high - begin,
                                  chunk * chunk_size, width, to);
  };
  stream.start(fetch);
  const int64_t key_row = int64_t{segment.key_begin} + first, kv_column = int64_t{kv_head} * width;
  load_tile<backward_threads, backward_tile, chunks>(
      [&](int row) { return call.k.row(key_row + row) + kv_column; }, keys, width, call.options.scale, k);
  load_tile<backward_threads, backward_tile, chunks>(
      [&](int row) { return call.v.row(key_row + row) + kv_column; }, keys, width, 1.0f, v);

  const int x = tile_x(), y = tile_y();
  float dk[chunks][rows][4], dv[chunks][rows][4];
  PEFT_UNROLL
  for (int c = 0; c < chunks; ++c) {
    clear(dk[c]);
    clear(dv[c]);
  }
  for (int unit = 0; unit < heads * tiles; ++unit) {
    const int32_t head = first_head + unit / tiles, begin = low + unit % tiles * chunk_size;
    const int32_t queries = high - begin < chunk_size ? high - begin : chunk_size;
    Probabilities probabilities;
    clear(probabilities.p);
    PEFT_UNROLL
    for (int c = 0; c < chunks; ++c) {
      const float* chunk = stream.take(fetch, unit, c);
      multiply_columns<height>(probabilities.p, k + c * chunk_size, stride, chunk, chunk_depth(width, c));
    }
    float lse[4], delta[4];
    PEFT_UNROLL
    for (int j = 0; j < 4; ++j) {
      const int query = x + tile_threads_x * j;
      const int64_t row = int64_t{segment.query_begin} + begin + query;
      lse[j] = query < queries ? call.lse.at(row, head) : 0.0f;
      delta[j] = query < queries ? call.delta[row * call.options.heads + head] : 0.0f;
    }
    const bool all = queries == chunk_size && mask.all_visible(begin, chunk_size, first, backward_tile);
    probabilities.from_scores(
        all,
        [&](int i, int j) {
          const int query = x + tile_threads_x * j;
          return query < queries && mask.visible(begin + query, first + y + height * i);
        },
        [&](int, int j) { return lse[j]; });
    store_weights<height>(probabilities.p, weights);

    float ds[rows][4];
    clear(ds);
    const int depth = (queries + 3) / 4 * 4;
    PEFT_UNROLL
    for (int c = 0; c < chunks; ++c) {
      const float* chunk = stream.take(fetch, unit, chunks + c);
      multiply_columns<height>(ds, v + c * chunk_size, stride, chunk, chunk_depth(width, c));
      multiply_rows<height>(dv[c], weights, chunk, depth);
    }
    load_weights<height>(weights, probabilities.p);  // not kept in registers meanwhile: those are the sums'
    probabilities.differentiate(ds, [&](int, int j) { return delta[j]; });
    store_weights<height>(ds, weights);
    PEFT_UNROLL
    for (int c = 0; c < chunks; ++c) {
      multiply_rows<height>(dk[c], weights, stream.take(fetch, unit, 2 * chunks + c), depth);
    }
  }

  const int64_t out_column = int64_t{column} * width;
  const Matrix<float> &dk_out = call.parts > 1 ? call.dk_parts : call.dk,
                      &dv_out = call.parts > 1 ? call.dv_parts : call.dv;
  store_gradient<chunks>(
      dk, call.options.scale, [&](int row) { return dk_out.row(key_row + row) + out_column; }, keys, width);
  store_gradient<chunks>(
      dv, 1.0f, [&](int row) { return dv_out.row(key_row + row) + out_column; }, keys, width);
}

}  // namespace

void backward_keys(cudaStream_t stream, const DeviceProperties& properties, const AttentionBackward<float>& call) {
  start_backward(stream, properties, call, call.k.rows, int64_t{call.options.kv_heads} * call.parts,
                 [](auto chunks) { return &backward_keys_kernel<decltype(chunks)::value>; });
}

}  // namespace peft::cuda
