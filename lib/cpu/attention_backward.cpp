// Attention backward (Dao et al. 2022): probabilities are computed again from the log-sum-exp, tile by tile.
//   p = exp(scale q k^T - lse);  dv = p^T dout;  ds = p (dout v^T - delta), delta = sum(dout out);  dq =
//   scale ds k;  dk = scale ds^T q
#include <cmath>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/attention_backward.cpp"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"

#include "cpu/attention.h"
#include "cpu/attention_backward.h"
#include "cpu/attention_tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace peft {
namespace HWY_NAMESPACE {

// Cuts a task's scratch into its tiles.
struct BackwardTiles {
  float *keys_t, *values_t;  // [padded, key_tile]
  float *keys, *dk, *dv;     // [key_tile, padded]
  float *q, *dout, *dq;      // [query_tile, padded]; q scaled
  float *p, *ds;             // [query_tile, key_tile]

  BackwardTiles(float* scratch, int64_t padded) {
    const int64_t tile = key_tile * padded;
    keys_t = scratch;
    values_t = keys_t + tile;
    keys = values_t + tile;
    dk = keys + tile;
    dv = dk + tile;
    q = dv + tile;
    dout = q + tile;
    dq = dout + tile;
    p = dq + tile;
    ds = p + query_tile * key_tile;
  }
};

// p: scores [from, to) become probabilities; ds: from dout v^T to p (. - delta). Zeros elsewhere.
HWY_INLINE void differentiate_row(float* p, float* ds, int64_t from, int64_t to, float lse, float delta) {
  const FloatTag d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t low = 0, high = 0;
  mask_row(p, from, to, &low, &high);
  const Floats offset = hn::Set(d, lse), mean = hn::Set(d, delta);
  for (int64_t j = low; j < high; j += lanes) {
    const Floats probability = exp_negative(hn::Sub(hn::LoadU(d, p + j), offset));
    hn::StoreU(probability, d, p + j);
    hn::StoreU(hn::Mul(probability, hn::Sub(hn::LoadU(d, ds + j), mean)), d, ds + j);
  }
  clear_outside(p, low, high, key_tile);
  clear_outside(ds, low, high, key_tile);
}

// One tile of queries of one head against the packed tile of keys [begin, begin + count).
HWY_INLINE void backward_tile(const AttentionBackwardTask& task, const BackwardTiles& t, int64_t head,
                              int64_t first, int64_t begin, int64_t count) {
  const int64_t width = task.options.head_dim, padded = tile_width(width);
  const int64_t queries = task.queries - first < query_tile ? task.queries - first : query_tile;
  const int64_t column = head * width;
  const auto q_row = [&](int64_t i) HWY_ATTR { return task.q + (first + i) * task.q_stride + column; };
  const auto dout_row = [&](int64_t i)
                            HWY_ATTR { return task.dout + (first + i) * task.dout_stride + column; };
  pack_rows(q_row, queries, width, task.options.scale, t.q, padded);
  pack_rows(dout_row, queries, width, 1.0f, t.dout, padded);
  const int64_t shift = task.position + first - begin;  // key of the tile that query 0 of the tile stands at
  Band band, transposed;
  if (task.options.causal) {
    band.upper = shift;
    transposed.lower = -shift;
  }
  if (task.options.window > 0) {
    band.lower = shift - task.options.window + 1;
    transposed.upper = -band.lower;
  }

  TileProduct score;
  score.a = t.q;
  score.a_row = padded;
  score.a_k = 1;
  score.b = t.keys_t;
  score.b_row = key_tile;
  score.c = t.p;
  score.c_row = key_tile;
  score.rows = queries;
  score.columns = key_tile;
  score.depth = width;
  score.column_band = band;
  multiply_tiles(score);
  score.a = t.dout;
  score.b = t.values_t;
  score.c = t.ds;
  multiply_tiles(score);

  for (int64_t i = 0; i < queries; ++i) {
    const int64_t low = task.low(first + i) - begin, high = task.high(first + i) - begin;
    const int64_t from = low > 0 ? low : 0, to = high < count ? high : count;
    float *p = t.p + i * key_tile, *ds = t.ds + i * key_tile;
    if (from >= to) {
      std::memset(p, 0, key_tile * sizeof(float));
      std::memset(ds, 0, key_tile * sizeof(float));
      continue;
    }
    differentiate_row(p, ds, from, to, task.lse[(first + i) * task.lse_stride + head],
                      task.delta[(first + i) * task.delta_stride + head]);
  }

  TileProduct sum;
  sum.a = t.p;
  sum.a_row = 1;
  sum.a_k = key_tile;
  sum.b = t.dout;
  sum.b_row = padded;
  sum.c = t.dv;
  sum.c_row = padded;
  sum.rows = count;
  sum.columns = padded;
  sum.depth = queries;
  sum.depth_band = transposed;
  sum.accumulate = true;
  multiply_tiles(sum);
  sum.a = t.ds;
  sum.b = t.q;
  sum.c = t.dk;
  multiply_tiles(sum);

  TileProduct back;
  back.a = t.ds;
  back.a_row = key_tile;
  back.a_k = 1;
  back.b = t.keys;
  back.b_row = padded;
  back.c = t.dq;
  back.c_row = padded;
  back.rows = queries;
  back.columns = padded;
  back.depth = count;
  back.depth_band = band;
  multiply_tiles(back);
  const Floats scale = hn::Set(FloatTag(), task.options.scale);
  for (int64_t i = 0; i < queries; ++i) {
    float* to = task.dq + (first + i) * task.dq_stride + column;
    const float* from = t.dq + i * padded;
    for_lanes(width, [&](int64_t c, auto access) HWY_ATTR {
      access.store(hn::MulAdd(scale, access.load(from + c), access.load(to + c)), to + c);
    });
  }
}

void AttentionBackwardHead(const AttentionBackwardTask& task) {
  const int64_t width = task.options.head_dim, padded = tile_width(width);
  const BackwardTiles t(task.scratch, padded);
  for (int64_t i = 0; i < task.queries; ++i)
    std::memset(task.dq + i * task.dq_stride, 0, static_cast<size_t>(task.heads * width) * sizeof(float));
  for (int64_t begin = 0; begin < task.key_count; begin += key_tile) {
    const int64_t count = task.key_count - begin < key_tile ? task.key_count - begin : key_tile;
    const auto key_row = [&](int64_t j) HWY_ATTR { return task.k + (begin + j) * task.k_stride; };
    const auto value_row = [&](int64_t j) HWY_ATTR { return task.v + (begin + j) * task.v_stride; };
    pack_transposed(key_row, count, width, t.keys_t, key_tile);
    pack_transposed(value_row, count, width, t.values_t, key_tile);
    pack_rows(key_row, count, width, 1.0f, t.keys, padded);
    std::memset(t.dk, 0, static_cast<size_t>(key_tile * padded) * sizeof(float));
    std::memset(t.dv, 0, static_cast<size_t>(key_tile * padded) * sizeof(float));
    for (int64_t head = 0; head < task.heads; ++head) {
      for (int64_t first = 0; first < task.queries; first += query_tile) {
        const int64_t last = first + query_tile < task.queries ? first + query_tile - 1 : task.queries - 1;
        if (task.high(last) <= begin || task.low(first) >= begin + count)
          continue;  // sees none of these keys
        backward_tile(task, t, head, first, begin, count);
      }
    }
    for (int64_t j = 0; j < count; ++j) {
      std::memcpy(task.dk + (begin + j) * task.dk_stride, t.dk + j * padded,
                  static_cast<size_t>(width) * sizeof(float));
      std::memcpy(task.dv + (begin + j) * task.dv_stride, t.dv + j * padded,
                  static_cast<size_t>(width) * sizeof(float));
    }
  }
}

// delta[h] = sum of dout * out over head h.
void AttentionDelta(const float* out, const float* dout, int64_t heads, int64_t width, float* delta) {
  for (int64_t head = 0; head < heads; ++head) {
    delta[head] = static_cast<float>(sum_of(width, [&](int64_t i, auto access) HWY_ATTR {
      return hn::Mul(access.load(out + head * width + i), access.load(dout + head * width + i));
    }));
  }
}

// to[c] = sum over `group` stretches of `from`, width apart, in order.
void SumGroup(const float* from, int64_t group, int64_t width, float* to) {
  for_lanes(width, [&](int64_t i, auto access) HWY_ATTR {
    Floats sum = access.load(from + i);
    for (int64_t g = 1; g < group; ++g) sum = hn::Add(sum, access.load(from + g * width + i));
    access.store(sum, to + i);
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace peft
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "cpu/cpu_backend.h"
#include "cpu/spans.h"

namespace peft {
namespace {
HWY_EXPORT(AttentionBackwardHead);
HWY_EXPORT(AttentionDelta);
HWY_EXPORT(SumGroup);

int64_t tile_floats(int64_t head_dim) {
  return 8 * key_tile * tile_width(head_dim) + 2 * query_tile * key_tile;
}

// With few kv heads a task is one query head, and dk, dv of the heads of a group are added up afterwards: two
// sequences of a model with three kv heads would otherwise be six tasks. The choice depends on the model
// alone, so results do too.
bool sums_group_later(const AttentionOptions& options) {
  return options.heads > options.kv_heads && options.kv_heads < 8;
}

void clear_rows(View view) {
  for (int64_t r = 0; r < view.rows(); ++r)
    std::memset(view.row<float>(r), 0, static_cast<size_t>(view.columns()) * sizeof(float));
}
}  // namespace

int64_t CpuBackend::attention_backward_scratch(const AttentionOptions& options, const Shape& q,
                                               const Shape& k, DType /*dtype*/) const {
  int64_t floats = threads_ * tile_floats(options.head_dim) + q.rows() * options.heads;
  if (sums_group_later(options)) floats += 2 * k.rows() * options.heads * options.head_dim;
  return floats * static_cast<int64_t>(sizeof(float));
}

void CpuBackend::attention_backward(const AttentionOptions& options, ConstView q, ConstView k, ConstView v,
                                    ConstView segments, ConstView out, ConstView lse, ConstView dout, View dq,
                                    View dk, View dv, View scratch) {
  const int64_t width = options.head_dim, heads = options.heads, group = heads / options.kv_heads;
  const int64_t slot = tile_floats(width);
  const bool later = sums_group_later(options);
  float* tiles = reinterpret_cast<float*>(scratch.data);
  float* delta = tiles + threads_ * slot;
  float* dk_heads = delta + q.rows() * heads;  // [tk, heads * head_dim]
  float* dv_heads = dk_heads + k.rows() * heads * width;

  int64_t queries = 0, keys = 0;
  for (int64_t s = 0; s < segments.rows(); ++s) {
    queries += segment_at(segments, s).query_count;
    keys += segment_at(segments, s).key_count;
  }
  if (queries < q.rows()) clear_rows(dq);
  if (keys < k.rows()) {
    clear_rows(dk);
    clear_rows(dv);
  }
  parallel_for(q.rows(), rows_per_slice(q.columns()), threads_, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) HWY_DYNAMIC_DISPATCH(AttentionDelta)
    (out.row<float>(r), dout.row<float>(r), heads, width, delta + r * heads);
  });

  const int64_t heads_a_task = later ? 1 : group, tasks_a_segment = heads / heads_a_task;
  struct Nothing {};
  for_tasks<Nothing>(
      segments.rows() * tasks_a_segment, threads_, [&](int64_t number, int64_t slot_index, Nothing&) {
        const AttentionSegment segment = segment_at(segments, number / tasks_a_segment);
        const int64_t head = number % tasks_a_segment * heads_a_task, kv_column = head / group * width;
        const int64_t query = segment.query_begin, key = segment.key_begin;
        AttentionBackwardTask task;
        task.options = options;
        task.heads = heads_a_task;
        task.queries = segment.query_count;
        task.key_count = segment.key_count;
        task.position = int64_t{segment.key_count} - segment.query_count;
        task.q = q.row<float>(query) + head * width;
        task.q_stride = q.row_stride;
        task.k = k.row<float>(key) + kv_column;
        task.k_stride = k.row_stride;
        task.v = v.row<float>(key) + kv_column;
        task.v_stride = v.row_stride;
        task.dout = dout.row<float>(query) + head * width;
        task.dout_stride = dout.row_stride;
        task.lse = lse.row<float>(query) + head;
        task.lse_stride = lse.row_stride;
        task.delta = delta + query * heads + head;
        task.delta_stride = heads;
        task.dq = dq.row<float>(query) + head * width;
        task.dq_stride = dq.row_stride;
        task.dk = later ? dk_heads + (key * heads + head) * width : dk.row<float>(key) + kv_column;
        task.dk_stride = later ? heads * width : dk.row_stride;
        task.dv = later ? dv_heads + (key * heads + head) * width : dv.row<float>(key) + kv_column;
        task.dv_stride = later ? heads * width : dv.row_stride;
        task.scratch = tiles + slot_index * slot;
        HWY_DYNAMIC_DISPATCH(AttentionBackwardHead)(task);
      });
  if (!later) return;
  for (int64_t s = 0; s < segments.rows(); ++s) {
    const AttentionSegment segment = segment_at(segments, s);
    parallel_for(segment.key_count, rows_per_slice(heads * width), threads_, [&](int64_t begin, int64_t end) {
      for (int64_t r = segment.key_begin + begin; r < segment.key_begin + end; ++r) {
        for (int64_t kv_head = 0; kv_head < options.kv_heads; ++kv_head) {
          const int64_t from = (r * heads + kv_head * group) * width;
          HWY_DYNAMIC_DISPATCH(SumGroup)(dk_heads + from, group, width, dk.row<float>(r) + kv_head * width);
          HWY_DYNAMIC_DISPATCH(SumGroup)(dv_heads + from, group, width, dv.row<float>(r) + kv_head * width);
        }
      }
    });
  }
}

}  // namespace peft
#endif  // HWY_ONCE
