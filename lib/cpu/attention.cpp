// Attention forward: queries in tiles against tiles of keys, online softmax (Dao et al. 2022), nothing of
// size queries x keys.
#include <cmath>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/attention.cpp"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"

#include "cpu/attention.h"
#include "cpu/attention_tile-inl.h"

HWY_BEFORE_NAMESPACE();
namespace peft {
namespace HWY_NAMESPACE {

void AttendTile(const AttentionTask& task) {
  const FloatTag d;
  const int64_t width = task.options.head_dim, padded = tile_width(width);
  float* q = task.scratch;                               // [heads][query_tile, padded], scaled
  float* out = q + task_heads * query_tile * padded;     // the same, not yet divided by the sums
  float* keys = out + task_heads * query_tile * padded;  // [padded, key_tile], transposed
  float* values = keys + padded * key_tile;              // [key_tile, padded]
  float* scores = values + key_tile * padded;            // [query_tile, key_tile]
  RunningSoftmax states[task_heads * query_tile];

  for (int64_t head = 0; head < task.heads; ++head) {
    const auto query_row = [&](int64_t i) HWY_ATTR { return task.q + i * task.q_stride + head * width; };
    pack_rows(query_row, task.queries, width, task.options.scale, q + head * query_tile * padded, padded);
  }
  std::memset(out, 0, static_cast<size_t>(task.heads * query_tile * padded) * sizeof(float));

  const int64_t first = task.low(0) / key_tile * key_tile, last = task.high(task.queries - 1);
  for (int64_t begin = first; begin < last; begin += key_tile) {
    const int64_t count = last - begin < key_tile ? last - begin : key_tile;
    const auto key_row = [&](int64_t j) HWY_ATTR { return task.rows.key_row(begin + j); };
    const auto value_row = [&](int64_t j) HWY_ATTR { return task.rows.value_row(begin + j); };
    pack_transposed(key_row, count, width, keys, key_tile);
    pack_rows(value_row, count, width, 1.0f, values, padded);
    Band band;
    if (task.options.causal) band.upper = task.position - begin;
    if (task.options.window > 0) band.lower = task.position - task.options.window + 1 - begin;

    for (int64_t head = 0; head < task.heads; ++head) {
      float* sum = out + head * query_tile * padded;
      TileProduct score;
      score.a = q + head * query_tile * padded;
      score.a_row = padded;
      score.a_k = 1;
      score.b = keys;
      score.b_row = key_tile;
      score.c = scores;
      score.c_row = key_tile;
      score.rows = task.queries;
      score.columns = key_tile;
      score.depth = width;
      score.column_band = band;
      multiply_tiles(score);

      for (int64_t i = 0; i < task.queries; ++i) {
        float* row = scores + i * key_tile;
        const int64_t low = task.low(i) - begin, high = task.high(i) - begin;
        const int64_t from = low > 0 ? low : 0, to = high < count ? high : count;
        if (from >= to) {
          std::memset(row, 0, key_tile * sizeof(float));
          continue;
        }
        const float factor = absorb_row(row, from, to, key_tile, states[head * query_tile + i]);
        if (factor == 1) continue;
        const Floats shrink = hn::Set(d, factor);
        float* at = sum + i * padded;
        for_lanes(padded, [&](int64_t c, auto access)
                              HWY_ATTR { access.store(hn::Mul(shrink, access.load(at + c)), at + c); });
      }

      TileProduct mix;
      mix.a = scores;
      mix.a_row = key_tile;
      mix.a_k = 1;
      mix.b = values;
      mix.b_row = padded;
      mix.c = sum;
      mix.c_row = padded;
      mix.rows = task.queries;
      mix.columns = padded;
      mix.depth = count;
      mix.depth_band = band;
      mix.accumulate = true;
      multiply_tiles(mix);
    }
  }

  for (int64_t head = 0; head < task.heads; ++head) {
    for (int64_t i = 0; i < task.queries; ++i) {
      const RunningSoftmax& state = states[head * query_tile + i];
      const float inverse = state.sum > 0 ? static_cast<float>(1 / state.sum) : static_cast<float>(state.sum);
      const auto row = [&](int64_t) HWY_ATTR { return out + (head * query_tile + i) * padded; };
      pack_rows(row, 1, width, inverse, task.out + i * task.out_stride + head * width, width);
      if (task.lse != nullptr) {
        task.lse[i * task.lse_stride + head] =
            static_cast<float>(static_cast<double>(state.maximum) + std::log(state.sum));
      }
    }
  }
}

// Merges the partial results of `count` stretches for one query and head.
void CombineStretches(const float* partial, int64_t count, int64_t width, float* out, float* lse) {
  const FloatTag d;
  const int64_t stride = width + 2;
  float maximum = -__builtin_huge_valf();
  for (int64_t s = 0; s < count; ++s) maximum = partial[s * stride] > maximum ? partial[s * stride] : maximum;
  double total = 0;
  std::memset(out, 0, static_cast<size_t>(width) * sizeof(float));
  for (int64_t s = 0; s < count; ++s) {
    const float* part = partial + s * stride;
    if (part[1] == 0) continue;  // saw no key
    const float factor = std::exp(part[0] - maximum);
    total += static_cast<double>(part[1]) * static_cast<double>(factor);
    const Floats weight = hn::Set(d, factor);
    for_lanes(width, [&](int64_t i, auto access) HWY_ATTR {
      access.store(hn::MulAdd(weight, access.load(part + 2 + i), access.load(out + i)), out + i);
    });
  }
  const Floats inverse = hn::Set(d, total > 0 ? static_cast<float>(1 / total) : static_cast<float>(total));
  for_lanes(width, [&](int64_t i, auto access)
                       HWY_ATTR { access.store(hn::Mul(inverse, access.load(out + i)), out + i); });
  if (lse != nullptr) *lse = static_cast<float>(static_cast<double>(maximum) + std::log(total));
}

}  // namespace HWY_NAMESPACE
}  // namespace peft
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <algorithm>

#include "cpu/cpu_backend.h"

namespace peft {
namespace {
HWY_EXPORT(AttendTile);
HWY_EXPORT(CombineStretches);

int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

int64_t tile_floats(int64_t head_dim) {
  const int64_t padded = tile_width(head_dim);
  return 2 * task_heads * query_tile * padded + 2 * key_tile * padded + query_tile * key_tile;
}

int64_t stretches(int64_t queries, int64_t keys) {
  return queries <= split_maximum_rows ? std::max<int64_t>(1, divide_up(keys, split_keys)) : 1;
}

// The tasks of one segment, in the order in which they are numbered.
struct SegmentPlan {
  AttentionSegment segment;
  bool few = false;
  int64_t kv_heads_a_task = 1, heads_a_task = 0;  // more than one kv head only with all their query heads
  int64_t kv_chunks = 0, head_chunks = 0;
  int64_t parts = 0;  // tiles of queries, or stretches of keys
  int64_t tasks = 0;

  SegmentPlan(const AttentionCall& call, int64_t index) : segment(segment_at(call.segments, index)) {
    const int64_t group = call.options.heads / call.options.kv_heads;
    few = segment.query_count <= few_queries;
    heads_a_task = std::min(group, few ? few_rows / std::max<int64_t>(1, segment.query_count) : task_heads);
    head_chunks = divide_up(group, heads_a_task);
    parts = few ? stretches(call.q.rows(), segment.key_count) : divide_up(segment.query_count, query_tile);
    // Stretches are tasks enough: each reads whole tokens, as memory likes it.
    if (few && parts > 1 && head_chunks == 1) kv_heads_a_task = few_kv_heads_of(call.options.head_dim);
    kv_chunks = divide_up(call.options.kv_heads, kv_heads_a_task);
    tasks = segment.query_count > 0 ? kv_chunks * head_chunks * parts : 0;
  }
};

KeyValueRows rows_of(const AttentionCall& call, const AttentionSegment& segment, int64_t index,
                     int64_t kv_head) {
  KeyValueRows rows;
  const int64_t offset = kv_head * call.options.head_dim;
  if (call.page_table) {
    rows.pages = call.page_table.row<int64_t>(index);
    rows.layout = call.layout;
    rows.token_floats = int64_t{call.options.kv_heads} * call.options.head_dim;
    rows.head_offset = offset;
  } else {
    rows.key = call.k.row<float>(segment.key_begin) + offset;
    rows.value = call.v.row<float>(segment.key_begin) + offset;
    rows.key_stride = call.k.row_stride;
    rows.value_stride = call.v.row_stride;
  }
  return rows;
}

struct Partials {
  float* data = nullptr;
  int64_t stretch = 0, head = 0, query = 0;  // strides
};

// Where a slot stands in the list of segments; task numbers only rise.
struct SegmentCursor {
  int64_t index = 0, first_task = 0;
};

void run_task(const AttentionCall& call, const Partials& partials, int64_t number, SegmentCursor& cursor,
              float* scratch) {
  for (;; ++cursor.index) {
    const int64_t tasks = SegmentPlan(call, cursor.index).tasks;
    if (number < cursor.first_task + tasks) break;
    cursor.first_task += tasks;
  }
  const int64_t index = cursor.index;
  number -= cursor.first_task;
  const SegmentPlan plan(call, index);
  const AttentionOptions& options = call.options;
  const int64_t group = options.heads / options.kv_heads;
  // Late tiles of a causal segment are the longest: they come first.
  const int64_t part = plan.parts - 1 - number % plan.parts, chunk = number / plan.parts;
  const int64_t kv_head = chunk / plan.head_chunks * plan.kv_heads_a_task;
  const int64_t first_in_group = chunk % plan.head_chunks * plan.heads_a_task;
  const int64_t head = kv_head * group + first_in_group;
  const int64_t first_query = plan.few ? 0 : part * query_tile;

  AttentionTask task;
  task.options = options;
  task.heads = std::min(plan.heads_a_task, group - first_in_group);
  task.kv_heads = std::min(plan.kv_heads_a_task, options.kv_heads - kv_head);
  task.queries =
      plan.few ? plan.segment.query_count : std::min(query_tile, plan.segment.query_count - first_query);
  task.position = int64_t{plan.segment.key_count} - plan.segment.query_count + first_query;
  task.key_count = plan.segment.key_count;
  task.key_end = plan.segment.key_count;
  task.rows = rows_of(call, plan.segment, index, kv_head);
  const int64_t query = plan.segment.query_begin + first_query;
  task.q = call.q.row<float>(query) + head * options.head_dim;
  task.q_stride = call.q.row_stride;
  task.out = call.out.row<float>(query) + head * options.head_dim;
  task.out_stride = call.out.row_stride;
  if (call.lse) {
    task.lse = call.lse.row<float>(query) + head;
    task.lse_stride = call.lse.row_stride;
  }
  task.scratch = scratch;
  if (!plan.few) {
    HWY_DYNAMIC_DISPATCH(AttendTile)(task);
    return;
  }
  if (plan.parts > 1) {
    task.key_begin = part * split_keys;
    task.key_end = std::min<int64_t>(task.key_count, task.key_begin + split_keys);
    task.partial = partials.data + query * partials.query + head * partials.head + part * partials.stretch;
    task.partial_query_stride = partials.query;
    task.partial_head_stride = partials.head;
  }
  attend_few(task);
}

void combine(const AttentionCall& call, const Partials& partials, int64_t index, int64_t head) {
  const SegmentPlan plan(call, index);
  if (!plan.few || plan.parts <= 1) return;
  for (int64_t i = 0; i < plan.segment.query_count; ++i) {
    const int64_t query = plan.segment.query_begin + i;
    HWY_DYNAMIC_DISPATCH(CombineStretches)
    (partials.data + query * partials.query + head * partials.head, plan.parts, call.options.head_dim,
     call.out.row<float>(query) + head * call.options.head_dim,
     call.lse ? call.lse.row<float>(query) + head : nullptr);
  }
}
}  // namespace

int64_t attend_scratch(const AttentionOptions& options, int64_t queries, int64_t maximum_keys, int threads) {
  const int64_t slot = std::max(tile_floats(options.head_dim), few_floats(options.head_dim));
  const int64_t parts = stretches(queries, maximum_keys);
  const int64_t partial = parts > 1 ? queries * options.heads * parts * (options.head_dim + 2) : 0;
  return (threads * slot + partial) * static_cast<int64_t>(sizeof(float));
}

void attend(const AttentionCall& call) {
  const AttentionOptions& options = call.options;
  const int64_t slot = std::max(tile_floats(options.head_dim), few_floats(options.head_dim));
  float* scratch = reinterpret_cast<float*>(call.scratch.data);
  Partials partials;
  partials.data = scratch + call.threads * slot;
  partials.stretch = options.head_dim + 2;
  partials.head = partials.stretch * stretches(call.q.rows(), call.maximum_keys);
  partials.query = partials.head * options.heads;

  int64_t tasks = 0, queries = 0;
  bool split = false;
  for (int64_t index = 0; index < call.segments.rows(); ++index) {
    const SegmentPlan plan(call, index);
    tasks += plan.tasks;
    queries += plan.segment.query_count;
    split = split || (plan.few && plan.parts > 1);
  }
  if (queries < call.q.rows()) {  // some tokens are in no segment
    for (int64_t r = 0; r < call.q.rows(); ++r) {
      std::memset(call.out.row<float>(r), 0, static_cast<size_t>(call.out.columns()) * sizeof(float));
      if (call.lse)
        std::memset(call.lse.row<float>(r), 0, static_cast<size_t>(call.lse.columns()) * sizeof(float));
    }
  }
  for_tasks<SegmentCursor>(tasks, call.threads, [&](int64_t task, int64_t slot_index, SegmentCursor& cursor) {
    run_task(call, partials, task, cursor, scratch + slot_index * slot);
  });
  if (!split) return;
  parallel_for(call.segments.rows() * options.heads, /*grain=*/16, call.threads,
               [&](int64_t begin, int64_t end) {
                 for (int64_t task = begin; task < end; ++task)
                   combine(call, partials, task / options.heads, task % options.heads);
               });
}

void CpuBackend::attention(const AttentionOptions& options, ConstView q, ConstView k, ConstView v,
                           ConstView segments, View out, View lse, View scratch) {
  AttentionCall call;
  call.options = options;
  call.q = q;
  call.k = k;
  call.v = v;
  call.segments = segments;
  call.out = out;
  call.lse = lse;
  call.scratch = scratch;
  call.maximum_keys = k.rows();
  call.threads = threads_;
  attend(call);
}

int64_t CpuBackend::attention_scratch(const AttentionOptions& options, const Shape& q, const Shape& k, DType /*dtype*/) const {
  return attend_scratch(options, q.rows(), k.rows(), threads_);
}

}  // namespace peft
#endif  // HWY_ONCE
