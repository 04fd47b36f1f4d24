// A few queries against many keys, as in decoding: every key and value is read once, for all heads that share
// it.
#include <cmath>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/attention_few.cpp"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"

#include "cpu/attention.h"
#include "cpu/attention_tile-inl.h"
#include "cpu/prefetch.h"

HWY_BEFORE_NAMESPACE();
namespace peft {
namespace HWY_NAMESPACE {

// scores[r * key_tile + {0, 1}] = q[r, :] . {first, second} for `row_count` rows of q, padded_width apart.
template <int row_count>
HWY_INLINE void score_two_keys(const float* q, int64_t padded_width, const float* first, const float* second,
                               int64_t width, float* scores) {
  const FloatTag d;
  Floats a[row_count], b[row_count];
#pragma GCC unroll 4
  for (int r = 0; r < row_count; ++r) a[r] = b[r] = hn::Zero(d);
  for_lanes(width, [&](int64_t i, auto access) HWY_ATTR {
    const Floats k0 = access.load(first + i), k1 = access.load(second + i);
#pragma GCC unroll 4
    for (int r = 0; r < row_count; ++r) {
      const Floats left = hn::LoadU(d, q + r * padded_width + i);
      a[r] = hn::MulAdd(left, k0, a[r]);
      b[r] = hn::MulAdd(left, k1, b[r]);
    }
  });
#pragma GCC unroll 4
  for (int r = 0; r < row_count; ++r) {
    scores[r * key_tile] = sum_lanes(a[r]);
    scores[r * key_tile + 1] = sum_lanes(b[r]);
  }
}

HWY_INLINE void score_keys(const float* q, int64_t padded_width, int64_t rows, const float* first,
                           const float* second, int64_t width, float* scores) {
  int64_t r = 0;
  for (; r + 4 <= rows; r += 4)
    score_two_keys<4>(q + r * padded_width, padded_width, first, second, width, scores + r * key_tile);
  q += r * padded_width;
  scores += r * key_tile;
  switch (rows - r) {
    case 3:
      return score_two_keys<3>(q, padded_width, first, second, width, scores);
    case 2:
      return score_two_keys<2>(q, padded_width, first, second, width, scores);
    case 1:
      return score_two_keys<1>(q, padded_width, first, second, width, scores);
    default:
      return;
  }
}

// out[r, :] += sum over four values of weights[r * key_tile + j] value_j.
HWY_INLINE void add_values(const float* const* values, int64_t offset, const float* weights, int64_t rows,
                           int64_t width, float* out, int64_t padded_width) {
  const FloatTag d;
  const float *v0 = values[0] + offset, *v1 = values[1] + offset, *v2 = values[2] + offset,
              *v3 = values[3] + offset;
  for (int64_t r = 0; r < rows; ++r) {
    const float* w = weights + r * key_tile;
    const Floats w0 = hn::Set(d, w[0]), w1 = hn::Set(d, w[1]), w2 = hn::Set(d, w[2]), w3 = hn::Set(d, w[3]);
    float* to = out + r * padded_width;
    for_lanes(width, [&](int64_t i, auto access) HWY_ATTR {
      const Floats even = hn::MulAdd(w0, access.load(v0 + i), hn::Mul(w2, access.load(v2 + i)));
      const Floats odd = hn::MulAdd(w1, access.load(v1 + i), hn::Mul(w3, access.load(v3 + i)));
      hn::StoreU(hn::Add(hn::LoadU(d, to + i), hn::Add(even, odd)), d, to + i);
    });
  }
}

// A tile of keys: where it begins, how many they are, and where the rows of the task's first kv head lie: its
// keys, its values, and the next tile's keys, which is the order in which memory is read.
struct FewTile {
  int64_t begin = 0, count = 0, next_count = 0;
  const float* rows[3 * key_tile];

  const float* const* keys() const { return rows; }
  const float* const* values() const { return rows + key_tile; }

  void locate(const KeyValueRows& source, int64_t first, int64_t last) {
    begin = first;
    count = last - first < key_tile ? last - first : key_tile;
    const int64_t left = last - first - count;
    next_count = left < key_tile ? left : key_tile;
    // Rows are taken in pairs and fours: the last one stands in for those beyond the end, with weight 0.
    for (int64_t j = 0; j < key_tile; ++j) {
      const int64_t token = begin + (j < count ? j : count - 1);
      rows[j] = source.key_row(token);
      rows[key_tile + j] = source.value_row(token);
    }
    for (int64_t j = 0; j < next_count; ++j) rows[2 * key_tile + j] = source.key_row(begin + count + j);
  }
  // Fetches what comes `distance` rows after row `at`.
  HWY_INLINE void prefetch(int64_t at, int64_t distance, int64_t floats) const {
    const int64_t index = at + distance;
    if (index >= 2 * key_tile + next_count) return;
    for (int64_t i = 0; i < floats; i += 16) prefetch_stream(rows[index] + i);
  }
};

// Where the rows of one kv head of a task lie in its scratch.
struct FewBlocks {
  int64_t padded, tile_floats, score_floats;
  float *q, *out, *scores;

  FewBlocks(const AttentionTask& task)
      : padded(tile_width(task.options.head_dim)),
        tile_floats(few_rows * padded),
        score_floats(few_rows * key_tile) {
    q = task.scratch;
    out = q + task.kv_heads * tile_floats;
    scores = out + task.kv_heads * tile_floats;
  }
};

// Turns the scores of one kv head against a tile into weights, and shrinks what was summed so far.
HWY_INLINE void absorb_scores(const AttentionTask& task, const FewTile& tile, int64_t padded, float* scores,
                              float* out, RunningSoftmax* states) {
  const FloatTag d;
  for (int64_t r = 0; r < task.queries * task.heads; ++r) {
    const int64_t low = task.low(r / task.heads) - tile.begin, high = task.high(r / task.heads) - tile.begin;
    const int64_t from = low > 0 ? low : 0, to = high < tile.count ? high : tile.count;
    float* row = scores + r * key_tile;
    if (from >= to) {
      std::memset(row, 0, key_tile * sizeof(float));
      continue;
    }
    const float factor = absorb_row(row, from, to, key_tile, states[r]);
    if (factor == 1) continue;
    const Floats shrink = hn::Set(d, factor);
    float* sum = out + r * padded;
    for_lanes(padded, [&](int64_t i, auto access)
                          HWY_ATTR { access.store(hn::Mul(shrink, access.load(sum + i)), sum + i); });
  }
}

// All kv heads of one tile. Whole tokens are read in order, and fetched some kilobytes ahead: the arithmetic
// between two lines is too long for the hardware to run ahead by itself.
HWY_INLINE void absorb_tile(const AttentionTask& task, const FewTile& tile, const FewBlocks& blocks,
                            RunningSoftmax* states) {
  const int64_t width = task.options.head_dim, padded = blocks.padded, rows = task.queries * task.heads;
  const int64_t floats = task.kv_heads * width;
  const int64_t distance = floats > 1024 ? 2 : 2048 / floats > 48 ? 48 : 2048 / floats;
  for (int64_t j = 0; j < tile.count; j += 2) {
    tile.prefetch(j, distance, floats);
    tile.prefetch(j + 1, distance, floats);
    for (int64_t h = 0; h < task.kv_heads; ++h) {
      score_keys(blocks.q + h * blocks.tile_floats, padded, rows, tile.keys()[j] + h * width,
                 tile.keys()[j + 1] + h * width, width, blocks.scores + h * blocks.score_floats + j);
    }
  }
  for (int64_t h = 0; h < task.kv_heads; ++h) {
    absorb_scores(task, tile, padded, blocks.scores + h * blocks.score_floats,
                  blocks.out + h * blocks.tile_floats, states + h * few_rows);
  }
  for (int64_t j = 0; j < tile.count; j += 4) {
    for (int64_t i = j; i < j + 4; ++i) tile.prefetch(key_tile + i, distance, floats);
    for (int64_t h = 0; h < task.kv_heads; ++h) {
      add_values(tile.values() + j, h * width, blocks.scores + h * blocks.score_floats + j, rows, width,
                 blocks.out + h * blocks.tile_floats, padded);
    }
  }
}

void AttendFew(const AttentionTask& task) {
  const int64_t width = task.options.head_dim, rows = task.queries * task.heads;
  const FewBlocks blocks(task);
  const int64_t padded = blocks.padded;
  RunningSoftmax states[few_kv_heads * few_rows];
  for (int64_t kv_head = 0; kv_head < task.kv_heads; ++kv_head) {
    // Row r is query r / heads, head r % heads.
    const auto query_row = [&](int64_t r) HWY_ATTR {
      return task.q + r / task.heads * task.q_stride + (kv_head * task.heads + r % task.heads) * width;
    };
    pack_rows(query_row, rows, width, task.options.scale, blocks.q + kv_head * blocks.tile_floats, padded);
    std::memset(blocks.out + kv_head * blocks.tile_floats, 0,
                static_cast<size_t>(rows * padded) * sizeof(float));
  }

  const int64_t first = task.low(0) > task.key_begin ? task.low(0) : task.key_begin;
  const int64_t last =
      task.high(task.queries - 1) < task.key_end ? task.high(task.queries - 1) : task.key_end;
  FewTile tile;
  for (int64_t begin = first; begin < last; begin += key_tile) {
    tile.locate(task.rows, begin, last);
    absorb_tile(task, tile, blocks, states);
  }

  for (int64_t index = 0; index < task.kv_heads * rows; ++index) {
    const int64_t kv_head = index / rows, r = index % rows;
    const int64_t query = r / task.heads, head = kv_head * task.heads + r % task.heads;
    const RunningSoftmax& state = states[kv_head * few_rows + r];
    const float* from = blocks.out + kv_head * blocks.tile_floats + r * padded;
    if (task.partial != nullptr) {
      float* to = task.partial + query * task.partial_query_stride + head * task.partial_head_stride;
      to[0] = state.maximum;
      to[1] = static_cast<float>(state.sum);
      std::memcpy(to + 2, from, static_cast<size_t>(width) * sizeof(float));
      continue;
    }
    const float inverse = state.sum > 0 ? static_cast<float>(1 / state.sum) : static_cast<float>(state.sum);
    const auto same_row = [&](int64_t) HWY_ATTR { return from; };
    pack_rows(same_row, 1, width, inverse, task.out + query * task.out_stride + head * width, width);
    if (task.lse != nullptr) {
      task.lse[query * task.lse_stride + head] =
          static_cast<float>(static_cast<double>(state.maximum) + std::log(state.sum));
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace peft
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace peft {
namespace {
HWY_EXPORT(AttendFew);
}
void attend_few(const AttentionTask& task) { HWY_DYNAMIC_DISPATCH(AttendFew)(task); }
}  // namespace peft
#endif  // HWY_ONCE
