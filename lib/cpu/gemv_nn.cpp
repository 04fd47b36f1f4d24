// Few-row products with b [k, n] (Conv1D layers): columns are the slices, rows of b are decoded and added up
// one by one.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/gemv_nn.cpp"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"

#include <cstdint>

HWY_BEFORE_NAMESPACE();
namespace peft {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// y[0:count] += sum_i x[i] w[i * w_stride : + count], i < 4.
void AddFour(const float* w, int64_t w_stride, const float* x, int64_t count, float* y) {
  const hn::ScalableTag<float> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const float *w0 = w, *w1 = w + w_stride, *w2 = w1 + w_stride, *w3 = w2 + w_stride;
  const auto x0 = hn::Set(d, x[0]), x1 = hn::Set(d, x[1]), x2 = hn::Set(d, x[2]), x3 = hn::Set(d, x[3]);
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    auto sum = hn::MulAdd(hn::LoadU(d, w0 + i), x0, hn::LoadU(d, y + i));
    sum = hn::MulAdd(hn::LoadU(d, w1 + i), x1, sum);
    sum = hn::MulAdd(hn::LoadU(d, w2 + i), x2, sum);
    hn::StoreU(hn::MulAdd(hn::LoadU(d, w3 + i), x3, sum), d, y + i);
  }
  for (; i < count; ++i) y[i] += ((x[0] * w0[i] + x[1] * w1[i]) + x[2] * w2[i]) + x[3] * w3[i];
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

HWY_EXPORT(AddFour);

void add_columns(const RowsTask& task, int64_t begin, int64_t end) {
  constexpr int64_t four = 4, widest = column_slice;
  alignas(64) float buffer[four * widest], sums[maximum_few_rows][widest] = {};
  PEFT_ASSERT(end - begin <= widest && task.m <= maximum_few_rows);
  const RowDecoder decoder(task.b);
  const bool direct = task.b.dtype == DType::f32 && !task.round_weights;
  const auto add_four = HWY_DYNAMIC_DISPATCH(AddFour);
  const int64_t count = end - begin;
  for (int64_t i = 0; i < task.k; i += four) {
    const int64_t rows = std::min(four, task.k - i);
    const float* w = buffer;
    int64_t w_stride = widest;
    if (direct && rows == four) {
      w = task.b.row<float>(i) + begin;
      w_stride = task.b.row_stride;
    } else {
      for (int64_t r = 0; r < rows; ++r) {
        decoder.decode(i + r, begin, count, buffer + r * widest);
        if (task.round_weights) round_float_to_bfloat16(buffer + r * widest, buffer + r * widest, count);
      }
      for (int64_t r = rows; r < four; ++r) std::fill_n(buffer + r * widest, count, 0.0f);
    }
    for (int64_t m = 0; m < task.m; ++m) {
      const float* x = task.x + m * task.x_stride + i;
      const float padded[four] = {x[0], rows > 1 ? x[1] : 0, rows > 2 ? x[2] : 0, rows > 3 ? x[3] : 0};
      add_four(w, w_stride, padded, count, sums[m]);
    }
  }
  for (int64_t m = 0; m < task.m; ++m) {
    for (int64_t j = 0; j < count; ++j) task.put(m, begin + j, sums[m][j]);
  }
}

}  // namespace peft
#endif
