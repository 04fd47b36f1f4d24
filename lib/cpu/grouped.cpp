// grouped_matmul: a dot product for every element, cut into spans of outputs of one row.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/grouped.cpp"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"

#include "cpu/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace peft {
namespace HWY_NAMESPACE {

// y[j] = or += alpha a . b[j,:] for `outputs` rows of b.
void DotRows(const float* a, const float* b, int64_t b_stride, int64_t inner, int64_t outputs, float alpha,
             bool accumulate, float* y) {
  const hn::ScalableTag<float> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t j = 0; j < outputs; ++j, b += b_stride) {
    auto s0 = hn::Zero(d), s1 = s0;
    int64_t i = 0;
    for (; i + 2 * lanes <= inner; i += 2 * lanes) {
      s0 = hn::MulAdd(hn::LoadU(d, a + i), hn::LoadU(d, b + i), s0);
      s1 = hn::MulAdd(hn::LoadU(d, a + i + lanes), hn::LoadU(d, b + i + lanes), s1);
    }
    for (; i + lanes <= inner; i += lanes) s0 = hn::MulAdd(hn::LoadU(d, a + i), hn::LoadU(d, b + i), s0);
    float sum = hn::GetLane(hn::SumOfLanes(d, hn::Add(s0, s1)));
    for (; i < inner; ++i) sum += a[i] * b[i];
    y[j] = accumulate ? y[j] + alpha * sum : alpha * sum;
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace peft
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <algorithm>
#include <vector>

#include "base/checked.h"
#include "base/threads.h"
#include "cpu/cpu_backend.h"

namespace peft {
namespace {
HWY_EXPORT(DotRows);

// Elements of b that one slice reads, about: enough to be worth a thread.
constexpr int64_t slice_weights = int64_t{1} << 15;

struct Slice {
  const GroupedRows* group;
  int32_t row, first_output, outputs;
};
}  // namespace

void CpuBackend::grouped_matmul(const GroupedRows* groups, int64_t count, ConstView a, bool accumulate, View y) {
  std::vector<Slice> slices;
  for (const GroupedRows& group : std::span(groups, static_cast<size_t>(count))) {
    const auto height = static_cast<int32_t>(std::max<int64_t>(1, slice_weights / std::max(1, group.inner)));
    for (int32_t row = 0; row < group.row_count; ++row)
      for (int32_t first = 0; first < group.outputs; first += height)
        slices.push_back({&group, group.first_row + row, first, std::min(height, group.outputs - first)});
  }
  parallel_for(static_cast<int64_t>(slices.size()), 1, threads_, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const Slice& s = slices[static_cast<size_t>(i)];
      HWY_DYNAMIC_DISPATCH(DotRows)
      (a.row<float>(s.row) + s.group->inner_begin, s.group->b + s.first_output * s.group->b_stride, s.group->b_stride,
       s.group->inner, s.outputs, s.group->alpha, accumulate, y.row<float>(s.row) + s.first_output);
    }
  });
}

}  // namespace peft
#endif  // HWY_ONCE
