// A few queries against many keys, as in decoding: every key and value is read once, for all heads that share
// it.
#include <cmath>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/attention_few.cpp"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"

#include "cpu/attention.h"
#include "cpu/attention_tile-inl.h"
#include "hwy/cache_control.h"

HWY_BEFORE_NAMESPACE();
namespace peft {
namespace HWY_NAMESPACE {

HWY_INLINE void prefetch_row(const float* row, int64_t width) {
  for (int64_t i = 0; i < width; i += 16) hwy::Prefetch(row + i);
}

// scores[r * key_tile] = q[r, :] . key for `rows` rows of q, padded_width apart.
HWY_INLINE void score_key(const float* q, int64_t padded_width, int64_t rows, const float* key, int64_t width,
                          float* scores) {
  const FloatTag d;
  int64_t r = 0;
  for (; r + 4 <= rows; r += 4) {
    const float* at = q + r * padded_width;
    Floats s0 = hn::Zero(d), s1 = s0, s2 = s0, s3 = s0;
    for_lanes(width, [&](int64_t i, auto access) HWY_ATTR {
      const Floats k = access.load(key + i);
      s0 = hn::MulAdd(k, hn::LoadU(d, at + i), s0);
      s1 = hn::MulAdd(k, hn::LoadU(d, at + padded_width + i), s1);
      s2 = hn::MulAdd(k, hn::LoadU(d, at + 2 * padded_width + i), s2);
      s3 = hn::MulAdd(k, hn::LoadU(d, at + 3 * padded_width + i), s3);
    });
    scores[r * key_tile] = sum_lanes(s0);
    scores[(r + 1) * key_tile] = sum_lanes(s1);
    scores[(r + 2) * key_tile] = sum_lanes(s2);
    scores[(r + 3) * key_tile] = sum_lanes(s3);
  }
  for (; r < rows; ++r) {
    const float* at = q + r * padded_width;
    Floats sum = hn::Zero(d);
    for_lanes(width, [&](int64_t i, auto access)
                         HWY_ATTR { sum = hn::MulAdd(access.load(key + i), hn::LoadU(d, at + i), sum); });
    scores[r * key_tile] = sum_lanes(sum);
  }
}

// out[r, :] += sum over four values of weights[r * key_tile + j] value_j.
HWY_INLINE void add_values(const float* const* values, const float* weights, int64_t rows, int64_t width,
                           float* out, int64_t padded_width) {
  const FloatTag d;
  for (int64_t r = 0; r < rows; ++r) {
    const float* w = weights + r * key_tile;
    const Floats w0 = hn::Set(d, w[0]), w1 = hn::Set(d, w[1]), w2 = hn::Set(d, w[2]), w3 = hn::Set(d, w[3]);
    float* to = out + r * padded_width;
    for_lanes(width, [&](int64_t i, auto access) HWY_ATTR {
      Floats sum = hn::LoadU(d, to + i);
      sum = hn::MulAdd(w0, access.load(values[0] + i), sum);
      sum = hn::MulAdd(w1, access.load(values[1] + i), sum);
      sum = hn::MulAdd(w2, access.load(values[2] + i), sum);
      sum = hn::MulAdd(w3, access.load(values[3] + i), sum);
      hn::StoreU(sum, d, to + i);
    });
  }
}

void AttendFew(const AttentionTask& task) {
  const FloatTag d;
  const int64_t width = task.options.head_dim, padded = tile_width(width), rows = task.queries * task.heads;
  float* q = task.scratch;
  float* out = q + few_rows * padded;
  float* scores = out + few_rows * padded;
  RunningSoftmax states[few_rows];
  // Row r is query r / heads, head r % heads.
  const auto query_row = [&](int64_t r) HWY_ATTR {
    return task.q + r / task.heads * task.q_stride + r % task.heads * width;
  };
  pack_rows(query_row, rows, width, task.options.scale, q, padded);
  std::memset(out, 0, static_cast<size_t>(rows * padded) * sizeof(float));

  const int64_t first = task.low(0) > task.key_begin ? task.low(0) : task.key_begin;
  const int64_t last =
      task.high(task.queries - 1) < task.key_end ? task.high(task.queries - 1) : task.key_end;
  for (int64_t begin = first; begin < last; begin += key_tile) {
    const int64_t count = last - begin < key_tile ? last - begin : key_tile;
    for (int64_t j = 0; j < count; ++j) {
      prefetch_row(task.rows.value_row(begin + j), width);
      score_key(q, padded, rows, task.rows.key_row(begin + j), width, scores + j);
    }
    for (int64_t r = 0; r < rows; ++r) {
      const int64_t low = task.low(r / task.heads) - begin, high = task.high(r / task.heads) - begin;
      const int64_t from = low > 0 ? low : 0, to = high < count ? high : count;
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
    for (int64_t j = 0; j < count; j += 4) {
      // Weights beyond the end are zero; a value that exists stands in for those that do not.
      const float* values[4];
      for (int64_t i = 0; i < 4; ++i) {
        const int64_t token = begin + (j + i < count ? j + i : j);
        values[i] = task.rows.value_row(token);
        if (token + key_tile < last) prefetch_row(task.rows.key_row(token + key_tile), width);
      }
      add_values(values, scores + j, rows, width, out, padded);
    }
  }

  for (int64_t r = 0; r < rows; ++r) {
    const int64_t query = r / task.heads, head = r % task.heads;
    const float* from = out + r * padded;
    if (task.partial != nullptr) {
      float* to = task.partial + query * task.partial_query_stride + head * task.partial_head_stride;
      to[0] = states[r].maximum;
      to[1] = static_cast<float>(states[r].sum);
      std::memcpy(to + 2, from, static_cast<size_t>(width) * sizeof(float));
      continue;
    }
    const float inverse =
        states[r].sum > 0 ? static_cast<float>(1 / states[r].sum) : static_cast<float>(states[r].sum);
    const auto same_row = [&](int64_t) HWY_ATTR { return from; };
    pack_rows(same_row, 1, width, inverse, task.out + query * task.out_stride + head * width, width);
    if (task.lse != nullptr) {
      task.lse[query * task.lse_stride + head] =
          static_cast<float>(static_cast<double>(states[r].maximum) + std::log(states[r].sum));
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
