// Rotary positions.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/rope.cpp"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"

#include "cpu/vector_math-inl.h"
#include "tensor/kernel_types.h"

HWY_BEFORE_NAMESPACE();
namespace peft {
namespace HWY_NAMESPACE {

// One row: angles [rotary_dim], cosines first, then sines.
void RopeRow(const RopeOptions& options, const float* x, const float* angles, float* y) {
  const FloatTag d;
  const int64_t half = options.rotary_dim / 2;
  const Floats sign = hn::Set(d, options.inverse ? -1.0f : 1.0f);
  for (int32_t head = 0; head < options.heads; ++head) {
    const float* from = x + int64_t{head} * options.head_dim;
    float* to = y + int64_t{head} * options.head_dim;
    for_lanes(half, [&](int64_t i, auto access) HWY_ATTR {
      const Floats first = access.load(from + i), second = access.load(from + half + i);
      const Floats cosine = access.load(angles + i), sine = hn::Mul(sign, access.load(angles + half + i));
      access.store(hn::NegMulAdd(second, sine, hn::Mul(first, cosine)), to + i);
      access.store(hn::MulAdd(first, sine, hn::Mul(second, cosine)), to + half + i);
    });
    if (from != to) {
      const int64_t rotated = 2 * half;
      for_lanes(options.head_dim - rotated, [&](int64_t i, auto access) HWY_ATTR {
        access.store(access.load(from + rotated + i), to + rotated + i);
      });
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace peft
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "cpu/cpu_backend.h"
#include "cpu/spans.h"

namespace peft {
namespace {
HWY_EXPORT(RopeRow);
}

void CpuBackend::rope(const RopeOptions& options, ConstView x, ConstView positions, ConstView table, View y) {
  const int32_t* position = positions.row<int32_t>();
  parallel_for(x.rows(), rows_per_slice(x.columns()), threads_, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r)
      HWY_DYNAMIC_DISPATCH(RopeRow)(options, x.row<float>(r), table.row<float>(position[r]), y.row<float>(r));
  });
}

}  // namespace peft
#endif  // HWY_ONCE
