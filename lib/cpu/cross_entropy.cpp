// Cross-entropy of whole rows of logits, gradient in place. A row is read from memory once: blocks of columns
// get their exponentials against their own maximum while they lie in the first cache, and one pass over the
// second cache sets the scale.
#include <cmath>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/cross_entropy.cpp"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"

#include "cpu/prefetch.h"
#include "cpu/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace peft {
namespace HWY_NAMESPACE {

constexpr int64_t maximum_blocks = 256;
constexpr int64_t smallest_block = 4096;

HWY_INLINE float maximum_of(const float* x, int64_t count) {
  const FloatTag d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  Floats m0 = hn::Set(d, -__builtin_huge_valf()), m1 = m0, m2 = m0, m3 = m0;
  int64_t i = 0;
  for (; i + 4 * lanes <= count; i += 4 * lanes) {
    m0 = hn::Max(m0, hn::LoadU(d, x + i));
    m1 = hn::Max(m1, hn::LoadU(d, x + i + lanes));
    m2 = hn::Max(m2, hn::LoadU(d, x + i + 2 * lanes));
    m3 = hn::Max(m3, hn::LoadU(d, x + i + 3 * lanes));
  }
  float result = max_lanes(hn::Max(hn::Max(m0, m1), hn::Max(m2, m3)));
  for (; i < count; ++i) result = x[i] > result ? x[i] : result;
  return result;
}

// Returns the loss; NaN where a logit is NaN or +infinity.
float CrossEntropyRow(float* logits, int64_t columns, int64_t label, float gradient_scale) {
  const FloatTag d;
  const bool gradient = gradient_scale != 0;
  const int64_t even = (columns + maximum_blocks - 1) / maximum_blocks;
  const int64_t block = even > smallest_block ? even : smallest_block;
  float shifts[maximum_blocks];
  double sums[maximum_blocks];
  float maximum = -__builtin_huge_valf();
  const double chosen = static_cast<double>(logits[label]);
  int64_t blocks = 0;
  for (int64_t begin = 0; begin < columns; begin += block, ++blocks) {
    const int64_t count = columns - begin < block ? columns - begin : block;
    float* x = logits + begin;
    const float highest = maximum_of(x, count);
    maximum = highest > maximum ? highest : maximum;
    shifts[blocks] = highest;  // all masked: -infinity, so that the block weighs nothing
    const Floats offset = hn::Set(d, highest == -__builtin_huge_valf() ? 0.0f : highest);
    if (gradient) {
      sums[blocks] = sum_of(count, [&](int64_t i, auto access) HWY_ATTR {
        prefetch_stream(x + block + i);  // the next block, or a little of the next row
        const Floats e = exp_negative(hn::Sub(access.load(x + i), offset));
        access.store(e, x + i);
        return e;
      });
    } else {
      sums[blocks] = sum_of(count, [&](int64_t i, auto access) HWY_ATTR {
        prefetch_stream(x + block + i);
        return exp_negative(hn::Sub(access.load(x + i), offset));
      });
    }
  }
  double total = 0;
  for (int64_t b = 0; b < blocks; ++b)
    total += sums[b] * std::exp(static_cast<double>(shifts[b]) - static_cast<double>(maximum));
  const float loss = static_cast<float>(std::log(total) + static_cast<double>(maximum) - chosen);
  if (gradient) {
    for (int64_t b = 0; b < blocks; ++b) {
      const int64_t begin = b * block, count = columns - begin < block ? columns - begin : block;
      const double weight = std::exp(static_cast<double>(shifts[b]) - static_cast<double>(maximum)) / total;
      const Floats factor = hn::Set(d, static_cast<float>(static_cast<double>(gradient_scale) * weight));
      float* x = logits + begin;
      for_lanes(count, [&](int64_t i, auto access)
                           HWY_ATTR { access.store(hn::Mul(access.load(x + i), factor), x + i); });
    }
    logits[label] -= gradient_scale;
  }
  return loss;
}

}  // namespace HWY_NAMESPACE
}  // namespace peft
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <cstring>

#include "cpu/cpu_backend.h"
#include "cpu/spans.h"

namespace peft {
namespace {
HWY_EXPORT(CrossEntropyRow);
}

void CpuBackend::cross_entropy(View logits, ConstView labels, float gradient_scale, View losses) {
  const int32_t* label = labels.row<int32_t>();
  float* loss = losses.row<float>();
  const int64_t columns = logits.columns();
  parallel_for(logits.rows(), rows_per_slice(columns), threads_, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      float* row = logits.row<float>(r);
      if (label[r] == -100) {
        loss[r] = 0;
        if (gradient_scale != 0) std::memset(row, 0, static_cast<size_t>(columns) * sizeof(float));
        continue;
      }
      PEFT_ASSERT(label[r] >= 0 && label[r] < columns);
      loss[r] = HWY_DYNAMIC_DISPATCH(CrossEntropyRow)(row, columns, label[r], gradient_scale);
    }
  });
}

}  // namespace peft
#endif  // HWY_ONCE
