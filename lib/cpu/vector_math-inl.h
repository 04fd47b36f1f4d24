// Vector loops and functions shared by the kernels of this folder; compiled once for every instruction set.
//
// Include after hwy/highway.h, inside the file that foreach_target.h re-includes. Relative errors are those
// of f32 against exact arithmetic, measured over the whole range by tests/cpu/elementwise_test.cpp.
#include <cstdint>

#include "hwy/highway.h"

#if defined(PEFT_CPU_VECTOR_MATH_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef PEFT_CPU_VECTOR_MATH_INL_H
#undef PEFT_CPU_VECTOR_MATH_INL_H
#else
#define PEFT_CPU_VECTOR_MATH_INL_H
#endif

HWY_BEFORE_NAMESPACE();
namespace peft {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using FloatTag = hn::ScalableTag<float>;
using Floats = hn::Vec<FloatTag>;
using IntTag = hn::ScalableTag<int32_t>;

// How for_lanes lets a body touch memory: whole vectors, or the first lanes of one at the end.
struct WholeAccess {
  HWY_INLINE Floats load(const float* p) const { return hn::LoadU(FloatTag(), p); }
  HWY_INLINE void store(Floats v, float* p) const { hn::StoreU(v, FloatTag(), p); }
  HWY_INLINE Floats keep(Floats v) const { return v; }
};
struct TailAccess {
  hn::Mask<FloatTag> mask;
  HWY_INLINE Floats load(const float* p) const { return hn::MaskedLoad(mask, FloatTag(), p); }
  HWY_INLINE void store(Floats v, float* p) const { hn::BlendedStore(v, mask, FloatTag(), p); }
  // Lanes beyond the end become zero: for sums of what is not zero where the loads are.
  HWY_INLINE Floats keep(Floats v) const { return hn::IfThenElseZero(mask, v); }
};

// Calls body(offset, access) for consecutive vectors of [0, count); every element sees the same arithmetic
// wherever it lies.
template <class Body>
HWY_INLINE void for_lanes(int64_t count, const Body& body) {
  const FloatTag d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) body(i, WholeAccess());
  if (i < count) body(i, TailAccess{hn::FirstN(d, static_cast<size_t>(count - i))});
}

HWY_INLINE float sum_lanes(Floats v) { return hn::GetLane(hn::SumOfLanes(FloatTag(), v)); }
HWY_INLINE float max_lanes(Floats v) { return hn::GetLane(hn::MaxOfLanes(FloatTag(), v)); }

// Sum of term(offset, access) over [0, count). No f32 lane adds up more than 32 terms, the rest is f64: the
// error stays near 1e-7 of the sum of magnitudes for any count.
template <class Term>
HWY_INLINE double sum_of(int64_t count, const Term& term) {
  const FloatTag d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const int64_t block = 128 * lanes;
  double total = 0;
  for (int64_t begin = 0; begin < count; begin += block) {
    const int64_t end = begin + block < count ? begin + block : count;
    Floats s0 = hn::Zero(d), s1 = s0, s2 = s0, s3 = s0;
    int64_t i = begin;
    for (; i + 4 * lanes <= end; i += 4 * lanes) {
      s0 = hn::Add(s0, term(i, WholeAccess()));
      s1 = hn::Add(s1, term(i + lanes, WholeAccess()));
      s2 = hn::Add(s2, term(i + 2 * lanes, WholeAccess()));
      s3 = hn::Add(s3, term(i + 3 * lanes, WholeAccess()));
    }
    for (; i + lanes <= end; i += lanes) s0 = hn::Add(s0, term(i, WholeAccess()));
    if (i < end) {
      const TailAccess tail{hn::FirstN(d, static_cast<size_t>(end - i))};
      s1 = hn::Add(s1, tail.keep(term(i, tail)));
    }
    total += static_cast<double>(sum_lanes(hn::Add(hn::Add(s0, s1), hn::Add(s2, s3))));
  }
  return total;
}

// exp(x) for x <= 0 within 2 ulp; below -87 (denormal results) it is 0; NaN stays NaN.
HWY_INLINE Floats exp_negative(Floats x) {
  const FloatTag d;
  const IntTag di;
  // Adding 1.5 * 2^23 rounds to an integer that then stands in the low bits.
  const Floats magic = hn::Set(d, 12582912.0f);
  const Floats shifted = hn::MulAdd(x, hn::Set(d, 1.44269504f), magic);
  const Floats n = hn::Sub(shifted, magic);
  Floats r = hn::NegMulAdd(n, hn::Set(d, 0.693145751953125f), x);  // ln 2 in two parts
  r = hn::NegMulAdd(n, hn::Set(d, 1.42860677e-6f), r);
  Floats p = hn::MulAdd(hn::Set(d, 0.00139506022f), r, hn::Set(d, 0.00836895313f));
  p = hn::MulAdd(p, r, hn::Set(d, 0.0416662060f));
  p = hn::MulAdd(p, r, hn::Set(d, 0.166665182f));
  p = hn::MulAdd(p, r, hn::Set(d, 0.5f));
  p = hn::MulAdd(hn::Mul(p, r), r, hn::Add(r, hn::Set(d, 1.0f)));
  const auto exponent = hn::Add(hn::ShiftLeft<23>(hn::BitCast(di, shifted)), hn::Set(di, 127 << 23));
  const Floats y = hn::Mul(p, hn::BitCast(d, exponent));
  return hn::IfThenZeroElse(hn::Lt(x, hn::Set(d, -87.0f)), y);
}

// sigmoid(x) and sigmoid(-x), both without cancellation.
struct SigmoidPair {
  Floats positive, negative;
};
HWY_INLINE SigmoidPair sigmoid_pair(Floats x) {
  const FloatTag d;
  const Floats one = hn::Set(d, 1.0f);
  const Floats e = exp_negative(hn::Neg(hn::Abs(x)));
  const Floats large = hn::Div(one, hn::Add(one, e)), small = hn::Mul(e, large);
  const auto below = hn::Lt(x, hn::Zero(d));
  return {hn::IfThenElse(below, small, large), hn::IfThenElse(below, large, small)};
}

// tanh(x) and 1 - tanh(x)^2.
struct TanhPair {
  Floats value, slope;
};
HWY_INLINE TanhPair tanh_pair(Floats x) {
  const FloatTag d;
  const Floats one = hn::Set(d, 1.0f), a = hn::Abs(x), z = hn::Mul(x, x);
  const Floats e = exp_negative(hn::Mul(a, hn::Set(d, -2.0f)));
  const Floats inverse = hn::Div(one, hn::Add(one, e));
  const Floats far = hn::CopySign(hn::Mul(hn::Sub(one, e), inverse), x);
  Floats p = hn::MulAdd(hn::Set(d, -0.00560391368f), z, hn::Set(d, 0.0205517188f));
  p = hn::MulAdd(p, z, hn::Set(d, -0.0537141077f));
  p = hn::MulAdd(p, z, hn::Set(d, 0.133311525f));
  p = hn::MulAdd(p, z, hn::Set(d, -0.333332717f));
  const Floats near = hn::MulAdd(hn::Mul(p, z), x, x);
  const Floats slope = hn::Mul(hn::Mul(hn::Set(d, 4.0f), e), hn::Mul(inverse, inverse));
  return {hn::IfThenElse(hn::Lt(a, hn::Set(d, 0.64f)), near, far), slope};
}

// The normal distribution's cdf and density at x: cdf(-|x|) = exp(-x^2 / 2) R(u) / 2 with u = (t - 2.5) / (t
// + 2.5), t = |x| / sqrt 2, R a fitted polynomial for exp(t^2) erfc(t) (1.4e-9 relative).
struct NormalPair {
  Floats cdf, density;
};
HWY_INLINE NormalPair normal_pair(Floats x) {
  const FloatTag d;
  const Floats t = hn::Mul(hn::Abs(x), hn::Set(d, 0.707106781f)), c = hn::Set(d, 2.5f);
  // The quotient goes to 1 for large t; infinity would make it NaN.
  const Floats bounded = hn::IfThenElse(hn::Gt(t, hn::Set(d, 1e6f)), hn::Set(d, 1e6f), t);
  const Floats u = hn::Div(hn::Sub(bounded, c), hn::Add(bounded, c));
  Floats p = hn::MulAdd(hn::Set(d, -3.85165220e-05f), u, hn::Set(d, -0.000112484246f));
  p = hn::MulAdd(p, u, hn::Set(d, 0.000236728811f));
  p = hn::MulAdd(p, u, hn::Set(d, 0.000870075659f));
  p = hn::MulAdd(p, u, hn::Set(d, -0.00264573516f));
  p = hn::MulAdd(p, u, hn::Set(d, -0.00399265159f));
  p = hn::MulAdd(p, u, hn::Set(d, 0.0399230532f));
  p = hn::MulAdd(p, u, hn::Set(d, -0.125033140f));
  p = hn::MulAdd(p, u, hn::Set(d, 0.251713157f));
  p = hn::MulAdd(p, u, hn::Set(d, -0.371736735f));
  p = hn::MulAdd(p, u, hn::Set(d, 0.210806370f));
  const Floats gauss = exp_negative(hn::Neg(hn::Mul(t, t)));
  const Floats tail = hn::Mul(hn::Mul(hn::Set(d, 0.5f), gauss), p);
  const Floats cdf = hn::IfThenElse(hn::Lt(x, hn::Zero(d)), tail, hn::Sub(hn::Set(d, 1.0f), tail));
  return {cdf, hn::Mul(gauss, hn::Set(d, 0.398942280f))};
}

}  // namespace HWY_NAMESPACE
}  // namespace peft
HWY_AFTER_NAMESPACE();
#endif
