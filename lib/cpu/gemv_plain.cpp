// Few-row products over f32, bf16 and f16 weights, converted in registers.
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

// x times one row of weights, in four chains.
template <class Format>
HWY_INLINE float dot_plain(const typename Format::Element* w, const float* x, int64_t k) {
  const D d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  F s0 = hn::Zero(d), s1 = s0, s2 = s0, s3 = s0;
  int64_t i = 0;
  for (; i + 4 * lanes <= k; i += 4 * lanes) {
    const auto* ahead = reinterpret_cast<const uint8_t*>(w + i) + bytes_ahead;
    hwy::Prefetch(ahead);
    if constexpr (4 * hn::MaxLanes(D()) * sizeof(*w) > 64) hwy::Prefetch(ahead + 64);
    if constexpr (4 * hn::MaxLanes(D()) * sizeof(*w) > 128) {
      hwy::Prefetch(ahead + 128);
      hwy::Prefetch(ahead + 192);
    }
    s0 = hn::MulAdd(Format::load(w + i), hn::LoadU(d, x + i), s0);
    s1 = hn::MulAdd(Format::load(w + i + lanes), hn::LoadU(d, x + i + lanes), s1);
    s2 = hn::MulAdd(Format::load(w + i + 2 * lanes), hn::LoadU(d, x + i + 2 * lanes), s2);
    s3 = hn::MulAdd(Format::load(w + i + 3 * lanes), hn::LoadU(d, x + i + 3 * lanes), s3);
  }
  float sum = hn::GetLane(hn::SumOfLanes(d, hn::Add(hn::Add(s0, s1), hn::Add(s2, s3))));
  for (; i < k; ++i) sum += Format::one(w[i]) * x[i];
  return sum;
}

template <class Format>
HWY_INLINE void dot_rows_of(const RowsTask& task, int64_t begin, int64_t end) {
  const auto* weights = reinterpret_cast<const typename Format::Element*>(task.b.data);
  for (int64_t j = begin; j < end; ++j) {
    for (int64_t m = 0; m < task.m; ++m) {
      task.put(m, j, dot_plain<Format>(weights + j * task.b.row_stride, task.x + m * task.x_stride, task.k));
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
