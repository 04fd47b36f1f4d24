// Conversions between f32 and the half formats, vectors at a time; compiled for every instruction set.
#include <cstdint>

#include "base/half.h"
#include "hwy/highway.h"

#if defined(PEFT_CPU_HALF_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef PEFT_CPU_HALF_INL_H
#undef PEFT_CPU_HALF_INL_H
#else
#define PEFT_CPU_HALF_INL_H
#endif

HWY_BEFORE_NAMESPACE();
namespace peft {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// One f16 at any address.
HWY_INLINE float load_half(const void* address) {
#if HWY_TARGET == HWY_SCALAR
  return half_to_float(load_u16(address));
#else
  const hn::FixedTag<float, 4> d;
  const hn::Rebind<uint16_t, decltype(d)> du;
  const hn::Rebind<hwy::float16_t, decltype(d)> dh;
  return hn::GetLane(hn::PromoteTo(d, hn::BitCast(dh, hn::Set(du, load_u16(address)))));
#endif
}

template <class D>
HWY_INLINE hn::Vec<D> load_bfloat16(D d, const uint16_t* p) {
  const hn::Rebind<uint16_t, D> du16;
  const hn::RebindToUnsigned<D> du32;
  return hn::BitCast(d, hn::ShiftLeft<16>(hn::PromoteTo(du32, hn::LoadU(du16, p))));
}

// Round to nearest even, as 16-bit values in 32-bit lanes.
template <class D>
HWY_INLINE hn::Vec<hn::RebindToUnsigned<D>> round_to_bfloat16(D /*tag*/, hn::Vec<D> value) {
  const hn::RebindToUnsigned<D> du;
  const auto bits = hn::BitCast(du, value);
  const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(du, 1));
  const auto rounded = hn::ShiftRight<16>(hn::Add(bits, hn::Add(odd, hn::Set(du, 0x7fff))));
  const auto quiet = hn::Or(hn::ShiftRight<16>(bits), hn::Set(du, 0x40));
  return hn::IfThenElse(hn::RebindMask(du, hn::IsNaN(value)), quiet, rounded);
}

HWY_INLINE void bfloat16_to_floats(const uint16_t* x, float* y, int64_t count) {
  const hn::ScalableTag<float> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) hn::StoreU(load_bfloat16(d, x + i), d, y + i);
  for (; i < count; ++i) y[i] = bfloat16_to_float(x[i]);
}

HWY_INLINE void floats_to_bfloat16(const float* x, uint16_t* y, int64_t count) {
  int64_t i = 0;
#if HWY_TARGET != HWY_SCALAR
  const hn::ScalableTag<float> d;
  const hn::Rebind<int32_t, decltype(d)> di;
  const hn::Rebind<uint16_t, decltype(d)> du16;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  for (; i + lanes <= count; i += lanes) {
    const auto rounded = round_to_bfloat16(d, hn::LoadU(d, x + i));
    hn::StoreU(hn::DemoteTo(du16, hn::BitCast(di, rounded)), du16, y + i);
  }
#endif
  for (; i < count; ++i) y[i] = float_to_bfloat16(x[i]);
}

// y = the nearest bf16 values, kept in f32; y may be x.
HWY_INLINE void round_floats_to_bfloat16(const float* x, float* y, int64_t count) {
  const hn::ScalableTag<float> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    hn::StoreU(hn::BitCast(d, hn::ShiftLeft<16>(round_to_bfloat16(d, hn::LoadU(d, x + i)))), d, y + i);
  }
  for (; i < count; ++i) y[i] = bfloat16_to_float(float_to_bfloat16(x[i]));
}

HWY_INLINE void halves_to_floats(const uint16_t* x, float* y, int64_t count) {
  int64_t i = 0;
#if HWY_TARGET != HWY_SCALAR
  const hn::ScalableTag<float> d;
  const hn::Rebind<hwy::float16_t, decltype(d)> dh;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  for (; i + lanes <= count; i += lanes) {
    hn::StoreU(hn::PromoteTo(d, hn::LoadU(dh, reinterpret_cast<const hwy::float16_t*>(x + i))), d, y + i);
  }
#endif
  for (; i < count; ++i) y[i] = half_to_float(x[i]);
}

HWY_INLINE void floats_to_halves(const float* x, uint16_t* y, int64_t count) {
  int64_t i = 0;
#if HWY_TARGET != HWY_SCALAR
  const hn::ScalableTag<float> d;
  const hn::Rebind<hwy::float16_t, decltype(d)> dh;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  for (; i + lanes <= count; i += lanes) {
    hn::StoreU(hn::DemoteTo(dh, hn::LoadU(d, x + i)), dh, reinterpret_cast<hwy::float16_t*>(y + i));
  }
#endif
  for (; i < count; ++i) y[i] = float_to_half(x[i]);
}

}  // namespace HWY_NAMESPACE
}  // namespace peft
HWY_AFTER_NAMESPACE();

#endif
