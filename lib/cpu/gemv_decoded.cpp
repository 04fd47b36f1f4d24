// Few-row products over any storage: four rows of b are decoded a stretch at a time into the first-level
// cache and multiplied with every row of x.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/gemv_decoded.cpp"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"

#include <cstdint>

HWY_BEFORE_NAMESPACE();
namespace peft {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// sums[i] += x[0:count] . w[i * w_stride : + count], i < 4.
void DotFour(const float* w, int64_t w_stride, const float* x, int64_t count, float* sums) {
  const hn::ScalableTag<float> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const float *w0 = w, *w1 = w + w_stride, *w2 = w1 + w_stride, *w3 = w2 + w_stride;
  auto a0 = hn::Zero(d), a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0;
  int64_t i = 0;
  for (; i + 2 * lanes <= count; i += 2 * lanes) {
    const auto x0 = hn::LoadU(d, x + i), x1 = hn::LoadU(d, x + i + lanes);
    a0 = hn::MulAdd(hn::LoadU(d, w0 + i), x0, a0);
    a1 = hn::MulAdd(hn::LoadU(d, w1 + i), x0, a1);
    a2 = hn::MulAdd(hn::LoadU(d, w2 + i), x0, a2);
    a3 = hn::MulAdd(hn::LoadU(d, w3 + i), x0, a3);
    b0 = hn::MulAdd(hn::LoadU(d, w0 + i + lanes), x1, b0);
    b1 = hn::MulAdd(hn::LoadU(d, w1 + i + lanes), x1, b1);
    b2 = hn::MulAdd(hn::LoadU(d, w2 + i + lanes), x1, b2);
    b3 = hn::MulAdd(hn::LoadU(d, w3 + i + lanes), x1, b3);
  }
  const auto total = [&](hn::Vec<decltype(d)> a, hn::Vec<decltype(d)> b)
                         HWY_ATTR { return hn::GetLane(hn::SumOfLanes(d, hn::Add(a, b))); };
  float s0 = total(a0, b0), s1 = total(a1, b1), s2 = total(a2, b2), s3 = total(a3, b3);
  for (; i < count; ++i) {
    s0 += w0[i] * x[i];
    s1 += w1[i] * x[i];
    s2 += w2[i] * x[i];
    s3 += w3[i] * x[i];
  }
  sums[0] += s0;
  sums[1] += s1;
  sums[2] += s2;
  sums[3] += s3;
}

}  // namespace HWY_NAMESPACE
}  // namespace peft
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <algorithm>

#include "cpu/convert.h"
#include "cpu/decode.h"
#include "cpu/gemv.h"
#include "cpu/matmul.h"

namespace peft {

HWY_EXPORT(DotFour);

void dot_rows_decoded(const RowsTask& task, int64_t begin, int64_t end) {
  constexpr int64_t stretch = 1024, four = 4;
  alignas(64) float buffer[four * stretch];
  const RowDecoder decoder(task.b);
  const bool direct = task.b.dtype == DType::f32 && !task.round_weights;
  const auto dot_four = HWY_DYNAMIC_DISPATCH(DotFour);
  for (int64_t j = begin; j < end; j += four) {
    const int64_t rows = std::min(four, end - j);
    float sums[maximum_few_rows][four] = {};
    for (int64_t i = 0; i < task.k; i += stretch) {
      const int64_t count = std::min(stretch, task.k - i);
      const float* w = buffer;
      int64_t w_stride = stretch;
      if (direct && rows == four) {
        w = task.b.row<float>(j) + i;
        w_stride = task.b.row_stride;
      } else {
        for (int64_t r = 0; r < rows; ++r) decoder.decode(j + r, i, count, buffer + r * stretch);
        for (int64_t r = rows; r < four; ++r) std::fill_n(buffer + r * stretch, count, 0.0f);
        if (task.round_weights) {
          for (int64_t r = 0; r < rows; ++r) {
            round_float_to_bfloat16(buffer + r * stretch, buffer + r * stretch, count);
          }
        }
      }
      for (int64_t m = 0; m < task.m; ++m)
        dot_four(w, w_stride, task.x + m * task.x_stride + i, count, sums[m]);
    }
    for (int64_t m = 0; m < task.m; ++m) {
      for (int64_t r = 0; r < rows; ++r) task.put(m, j + r, sums[m][r]);
    }
  }
}

}  // namespace peft
#endif
