// Few-row products over f32, bf16 and f16 weights, converted in registers; four rows at a time.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/gemv_plain.cpp"
#include "hwy/cache_control.h"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"

#include "cpu/gemv.h"
#include "cpu/half-inl.h"

HWY_BEFORE_NAMESPACE();
namespace peft {
namespace HWY_NAMESPACE {

using D = hn::ScalableTag<float>;
using F = hn::Vec<D>;

struct Float32 {
  using Element = float;
  static HWY_INLINE F load(const float* p) { return hn::LoadU(D(), p); }
  static HWY_INLINE float one(float value) { return value; }
};
struct Bfloat16 {
  using Element = uint16_t;
  static HWY_INLINE F load(const uint16_t* p) { return load_bfloat16(D(), p); }
  static HWY_INLINE float one(uint16_t value) { return bfloat16_to_float(value); }
};
struct Half {
  using Element = uint16_t;
  static HWY_INLINE F load(const uint16_t* p) {
#if HWY_TARGET == HWY_SCALAR
    return hn::Set(D(), half_to_float(*p));
#else
    const hn::Rebind<hwy::float16_t, D> dh;
    return hn::PromoteTo(D(), hn::LoadU(dh, reinterpret_cast<const hwy::float16_t*>(p)));
#endif
  }
  static HWY_INLINE float one(uint16_t value) { return half_to_float(value); }
};

template <class Format, int rows>
HWY_INLINE void dot_plain(const typename Format::Element* w, int64_t stride, const float* x, int64_t k,
                          float* sums) {
  const D d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  F even[rows], odd[rows];
  for (int r = 0; r < rows; ++r) even[r] = odd[r] = hn::Zero(d);
  int64_t i = 0;
  for (; i + 2 * lanes <= k; i += 2 * lanes) {
    const F x0 = hn::LoadU(d, x + i), x1 = hn::LoadU(d, x + i + lanes);
    for (int r = 0; r < rows; ++r) {
      const auto* row = w + r * stride + i;
      hwy::Prefetch(row + rows * stride);  // the same place of the next rows
      even[r] = hn::MulAdd(Format::load(row), x0, even[r]);
      odd[r] = hn::MulAdd(Format::load(row + lanes), x1, odd[r]);
    }
  }
  for (int r = 0; r < rows; ++r) {
    float sum = hn::GetLane(hn::SumOfLanes(d, hn::Add(even[r], odd[r])));
    for (int64_t tail = i; tail < k; ++tail) sum += Format::one(w[r * stride + tail]) * x[tail];
    sums[r] = sum;
  }
}

template <class Format>
HWY_INLINE void dot_rows_of(const RowsTask& task, int64_t begin, int64_t end) {
  constexpr int four = 4;
  const int64_t stride = task.b.row_stride;
  const auto* weights = reinterpret_cast<const typename Format::Element*>(task.b.data);
  int64_t j = begin;
  float sums[four];
  for (; j + four <= end; j += four) {
    for (int64_t m = 0; m < task.m; ++m) {
      dot_plain<Format, four>(weights + j * stride, stride, task.x + m * task.x_stride, task.k, sums);
      for (int r = 0; r < four; ++r) task.put(m, j + r, sums[r]);
    }
  }
  for (; j < end; ++j) {
    for (int64_t m = 0; m < task.m; ++m) {
      dot_plain<Format, 1>(weights + j * stride, stride, task.x + m * task.x_stride, task.k, sums);
      task.put(m, j, sums[0]);
    }
  }
}

void DotRowsFloat32(const RowsTask& task, int64_t begin, int64_t end) {
  dot_rows_of<Float32>(task, begin, end);
}
void DotRowsBfloat16(const RowsTask& task, int64_t begin, int64_t end) {
  dot_rows_of<Bfloat16>(task, begin, end);
}
void DotRowsHalf(const RowsTask& task, int64_t begin, int64_t end) { dot_rows_of<Half>(task, begin, end); }

}  // namespace HWY_NAMESPACE
}  // namespace peft
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace peft {

HWY_EXPORT(DotRowsFloat32);
HWY_EXPORT(DotRowsBfloat16);
HWY_EXPORT(DotRowsHalf);

void dot_rows_plain(const RowsTask& task, int64_t begin, int64_t end) {
  switch (task.b.dtype) {
    case DType::f32:
      return HWY_DYNAMIC_DISPATCH(DotRowsFloat32)(task, begin, end);
    case DType::bf16:
      return HWY_DYNAMIC_DISPATCH(DotRowsBfloat16)(task, begin, end);
    case DType::f16:
      return HWY_DYNAMIC_DISPATCH(DotRowsHalf)(task, begin, end);
    default:
      fail(Code::internal, "no row kernel for {}", name_of(task.b.dtype));
  }
}

}  // namespace peft
#endif
