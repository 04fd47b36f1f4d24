// dq of attention: a block sums over all keys that its tile of queries sees.
#include <type_traits>

#include "cuda/attention_backward.cuh"

namespace peft::cuda {
namespace {

// A block: one tile of queries of one head.
template <int chunks>
__global__ void __launch_bounds__(backward_threads, 2) backward_queries_kernel(BackwardCall backward) {
  PEFT_DYNAMIC_SHARED(float, shared);
  constexpr int height = backward_height, rows = backward_rows, stride = tile_stride(chunks);
  const AttentionBackward<float>& call = backward.call;
  const int32_t heads = call.options.heads, width = call.options.head_dim;
  const int32_t head = static_cast<int32_t>(blockIdx.x % static_cast<unsigned>(heads));
  const int64_t number = backward.tiles - 1 - blockIdx.x / static_cast<unsigned>(heads);
  const SegmentPlace place = find_tile<backward_tile>(call.segments, SegmentSide::queries, 0, number);
  if (!place) return;

  const AttentionSegment& segment = place.segment;
  const AttentionMask mask(call.options, segment);
  const int32_t first = place.first, left = segment.query_count - first,
                queries = left < backward_tile ? left : backward_tile;
  const int32_t low = mask.low(first), high = mask.high(first + queries - 1);
  const int tiles = high > low ? (high - low - 1) / chunk_size + 1 : 0;
  const int64_t kv_column = int64_t{head / (heads / call.options.kv_heads)} * width;

  float *q = shared, *dout = q + backward_tile * stride, *weights = dout + backward_tile * stride;
  ChunkStream stream(weights + backward_tile * chunk_stride, backward.buffers, tiles, 3 * chunks);
  // Steps: chunks of k, of v, and of k again.
  const auto fetch = [&](int unit, int step, float* to) {
    const int32_t begin = low + unit * chunk_size;
    const int part = step / chunks, chunk = step - part * chunks;
    const Matrix<const float>& source = part == 1 ? call.v : call.k;
    const float* at = source.row(int64_t{segment.key_begin} + begin) + kv_column;
    fetch_chunk<backward_threads>([&](int row) { return at + row * source.stride; }, high - begin,
                                  chunk * chunk_size, width, to);
  };
  stream.start(fetch);
  const int64_t query_row = int64_t{segment.query_begin} + first, column = int64_t{head} * width;
  load_tile<backward_threads, backward_tile, chunks>(
      [&](int row) { return call.q.row(query_row + row) + column; }, queries, width, call.options.scale, q);
  load_tile<backward_threads, backward_tile, chunks>(
      [&](int row) { return call.dout.row(query_row + row) + column; }, queries, width, 1.0f, dout);

  const int x = tile_x(), y = tile_y();
  float lse[rows], delta[rows];
  PEFT_UNROLL
  for (int i = 0; i < rows; ++i) {
    const int row = y + height * i;
    lse[i] = row < queries ? call.lse.at(query_row + row, head) : 0.0f;
    delta[i] = row < queries ? call.delta[(query_row + row) * heads + head] : 0.0f;
  }
  float dq[chunks][rows][4];
  PEFT_UNROLL
  for (int c = 0; c < chunks; ++c) clear(dq[c]);
  for (int unit = 0; unit < tiles; ++unit) {
    const int32_t begin = low + unit * chunk_size;
    Probabilities probabilities;
    clear(probabilities.p);
    PEFT_UNROLL
    for (int c = 0; c < chunks; ++c) {
      const float* chunk = stream.take(fetch, unit, c);
      multiply_columns<height>(probabilities.p, q + c * chunk_size, stride, chunk, chunk_depth(width, c));
    }
    const bool all = queries == backward_tile && mask.all_visible(first, backward_tile, begin, chunk_size);
    probabilities.from_scores(
        all,
        [&](int i, int j) {
          const int query = y + height * i;
          return query < queries && mask.visible(first + query, begin + x + tile_threads_x * j);
        },
        [&](int i, int) { return lse[i]; });

    float ds[rows][4];
    clear(ds);
    PEFT_UNROLL
    for (int c = 0; c < chunks; ++c) {
      const float* chunk = stream.take(fetch, unit, chunks + c);
      multiply_columns<height>(ds, dout + c * chunk_size, stride, chunk, chunk_depth(width, c));
    }
    probabilities.differentiate(ds, [&](int i, int) { return delta[i]; });
    store_weights<height>(ds, weights);
    const int32_t count = high - begin < chunk_size ? high - begin : chunk_size;
    PEFT_UNROLL
    for (int c = 0; c < chunks; ++c) {
      multiply_rows<height>(dq[c], weights, stream.take(fetch, unit, 2 * chunks + c), (count + 3) / 4 * 4);
    }
  }
  store_gradient<chunks>(
      dq, call.options.scale, [&](int row) { return call.dq.row(query_row + row) + column; }, queries, width);
}

}  // namespace

void backward_queries(cudaStream_t stream, const DeviceProperties& properties,
                      const AttentionBackward<float>& call) {
  start_backward(stream, properties, call, call.q.rows, call.options.heads,
                 [](auto chunks) { return &backward_queries_kernel<decltype(chunks)::value>; });
}

}  // namespace peft::cuda
