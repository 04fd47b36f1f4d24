// fill, scale, binary, unary and gated: one pass over memory each.
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/elementwise.cpp"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"

#include "cpu/vector_math-inl.h"
#include "tensor/kernel_types.h"

HWY_BEFORE_NAMESPACE();
namespace peft {
namespace HWY_NAMESPACE {

// ---- activation functions: value, and value with slope

template <UnaryKind kind>
HWY_INLINE Floats activation(Floats x) {
  const FloatTag d;
  if constexpr (kind == UnaryKind::silu) return hn::Mul(x, sigmoid_pair(x).positive);
  if constexpr (kind == UnaryKind::gelu) return hn::Mul(x, normal_pair(x).cdf);
  if constexpr (kind == UnaryKind::gelu_tanh) {
    // (1 + tanh u) / 2 = sigmoid(2 u),  u = sqrt(2 / pi) (x + 0.044715 x^3)
    const Floats cubic =
        hn::MulAdd(hn::Set(d, 2 * 0.0356774081f), hn::Mul(x, x), hn::Set(d, 2 * 0.797884561f));
    return hn::Mul(x, sigmoid_pair(hn::Mul(x, cubic)).positive);
  }
  if constexpr (kind == UnaryKind::relu) return hn::IfThenZeroElse(hn::Lt(x, hn::Zero(d)), x);
  if constexpr (kind == UnaryKind::tanh) return tanh_pair(x).value;
  if constexpr (kind == UnaryKind::sigmoid) return sigmoid_pair(x).positive;
}

struct ValueAndSlope {
  Floats value, slope;
};

template <UnaryKind kind>
HWY_INLINE ValueAndSlope activation_slope(Floats x) {
  const FloatTag d;
  const Floats one = hn::Set(d, 1.0f);
  if constexpr (kind == UnaryKind::silu) {
    const SigmoidPair s = sigmoid_pair(x);
    return {hn::Mul(x, s.positive), hn::Mul(s.positive, hn::MulAdd(x, s.negative, one))};
  }
  if constexpr (kind == UnaryKind::gelu) {
    const NormalPair n = normal_pair(x);
    return {hn::Mul(x, n.cdf), hn::MulAdd(x, n.density, n.cdf)};
  }
  if constexpr (kind == UnaryKind::gelu_tanh) {
    const Floats c1 = hn::Set(d, 2 * 0.797884561f), c3 = hn::Set(d, 2 * 0.0356774081f),
                 square = hn::Mul(x, x);
    const SigmoidPair s = sigmoid_pair(hn::Mul(x, hn::MulAdd(c3, square, c1)));
    const Floats inner = hn::MulAdd(hn::Mul(hn::Set(d, 3.0f), c3), square, c1);
    const Floats bend = hn::Mul(hn::Mul(x, s.positive), hn::Mul(s.negative, inner));
    return {hn::Mul(x, s.positive), hn::Add(s.positive, bend)};
  }
  if constexpr (kind == UnaryKind::relu) {
    const auto below = hn::Le(x, hn::Zero(d));
    return {hn::IfThenZeroElse(below, x), hn::IfThenZeroElse(below, one)};
  }
  if constexpr (kind == UnaryKind::tanh) {
    const TanhPair t = tanh_pair(x);
    return {t.value, t.slope};
  }
  if constexpr (kind == UnaryKind::sigmoid) {
    const SigmoidPair s = sigmoid_pair(x);
    return {s.positive, hn::Mul(s.positive, s.negative)};
  }
}

// Calls body with the kind as a compile-time constant.
template <UnaryKind kind>
struct KindConstant {
  static constexpr UnaryKind value = kind;
};
template <class Body>
HWY_INLINE void with_kind(UnaryKind kind, const Body& body) {
  switch (kind) {
    case UnaryKind::silu:
      return body(KindConstant<UnaryKind::silu>());
    case UnaryKind::gelu:
      return body(KindConstant<UnaryKind::gelu>());
    case UnaryKind::gelu_tanh:
      return body(KindConstant<UnaryKind::gelu_tanh>());
    case UnaryKind::relu:
      return body(KindConstant<UnaryKind::relu>());
    case UnaryKind::tanh:
      return body(KindConstant<UnaryKind::tanh>());
    case UnaryKind::sigmoid:
      return body(KindConstant<UnaryKind::sigmoid>());
  }
}

// ---- loops over contiguous elements

void FillSpan(float value, float* y, int64_t count) {
  const Floats v = hn::Set(FloatTag(), value);
  for_lanes(count, [&](int64_t i, auto access) HWY_ATTR { access.store(v, y + i); });
}

void ScaleSpan(float alpha, const float* x, bool accumulate, float* y, int64_t count) {
  const Floats a = hn::Set(FloatTag(), alpha);
  if (accumulate) {
    for_lanes(count, [&](int64_t i, auto access) HWY_ATTR {
      access.store(hn::MulAdd(a, access.load(x + i), access.load(y + i)), y + i);
    });
  } else {
    for_lanes(count,
              [&](int64_t i, auto access) HWY_ATTR { access.store(hn::Mul(a, access.load(x + i)), y + i); });
  }
}

void BinarySpan(BinaryKind kind, const float* a, const float* b, float* y, int64_t count) {
  switch (kind) {
    case BinaryKind::add:
      return for_lanes(count, [&](int64_t i, auto access) HWY_ATTR {
        access.store(hn::Add(access.load(a + i), access.load(b + i)), y + i);
      });
    case BinaryKind::subtract:
      return for_lanes(count, [&](int64_t i, auto access) HWY_ATTR {
        access.store(hn::Sub(access.load(a + i), access.load(b + i)), y + i);
      });
    case BinaryKind::multiply:
      return for_lanes(count, [&](int64_t i, auto access) HWY_ATTR {
        access.store(hn::Mul(access.load(a + i), access.load(b + i)), y + i);
      });
  }
}

void UnarySpan(UnaryKind kind, const float* x, float* y, int64_t count) {
  with_kind(kind, [&](auto constant) HWY_ATTR {
    for_lanes(count, [&](int64_t i, auto access) HWY_ATTR {
      access.store(activation<decltype(constant)::value>(access.load(x + i)), y + i);
    });
  });
}

void UnaryBackwardSpan(UnaryKind kind, const float* x, const float* dy, bool accumulate, float* dx,
                       int64_t count) {
  with_kind(kind, [&](auto constant) HWY_ATTR {
    for_lanes(count, [&](int64_t i, auto access) HWY_ATTR {
      const Floats slope = activation_slope<decltype(constant)::value>(access.load(x + i)).slope;
      const Floats product = hn::Mul(slope, access.load(dy + i));
      access.store(accumulate ? hn::Add(access.load(dx + i), product) : product, dx + i);
    });
  });
}

void GatedSpan(UnaryKind kind, const float* gate, const float* up, float* y, int64_t count) {
  with_kind(kind, [&](auto constant) HWY_ATTR {
    for_lanes(count, [&](int64_t i, auto access) HWY_ATTR {
      const Floats value = activation<decltype(constant)::value>(access.load(gate + i));
      access.store(hn::Mul(value, access.load(up + i)), y + i);
    });
  });
}

void GatedBackwardSpan(UnaryKind kind, const float* gate, const float* up, const float* dy, float* dgate,
                       float* dup, int64_t count) {
  with_kind(kind, [&](auto constant) HWY_ATTR {
    for_lanes(count, [&](int64_t i, auto access) HWY_ATTR {
      const ValueAndSlope f = activation_slope<decltype(constant)::value>(access.load(gate + i));
      const Floats upstream = access.load(dy + i), factor = access.load(up + i);
      access.store(hn::Mul(hn::Mul(f.slope, factor), upstream), dgate + i);
      access.store(hn::Mul(f.value, upstream), dup + i);
    });
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace peft
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "cpu/cpu_backend.h"
#include "cpu/spans.h"

namespace peft {
namespace {
HWY_EXPORT(FillSpan);
HWY_EXPORT(ScaleSpan);
HWY_EXPORT(BinarySpan);
HWY_EXPORT(UnarySpan);
HWY_EXPORT(UnaryBackwardSpan);
HWY_EXPORT(GatedSpan);
HWY_EXPORT(GatedBackwardSpan);
}  // namespace

void CpuBackend::fill(View y, float value) {
  if (y.dtype != DType::f32) {
    PEFT_ASSERT(value == 0 && !is_quantized(y.dtype));  // zero bytes are zero in every plain type
    const int64_t width = traits(y.dtype).block_bytes;
    parallel_for(y.rows(), rows_per_slice(y.columns()), threads_, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row)
        std::memset(y.data + row * y.row_stride * width, 0, static_cast<size_t>(y.columns() * width));
    });
    return;
  }
  for_spans(threads_, y.dense(), y.rows(), y.columns(), [&](int64_t row, int64_t column, int64_t count) {
    HWY_DYNAMIC_DISPATCH(FillSpan)(value, at(y, row, column), count);
  });
}

void CpuBackend::scale(float alpha, ConstView x, bool accumulate, View y) {
  for_spans(threads_, x.dense() && y.dense(), x.rows(), x.columns(),
            [&](int64_t row, int64_t column, int64_t count) {
              HWY_DYNAMIC_DISPATCH(ScaleSpan)
              (alpha, at(x, row, column), accumulate, at(y, row, column), count);
            });
}

void CpuBackend::binary(BinaryKind kind, ConstView a, ConstView b, View y) {
  const bool repeat = b.rows() == 1 && a.rows() > 1;
  const bool dense = a.dense() && b.dense() && y.dense() && !repeat;
  for_spans(threads_, dense, a.rows(), a.columns(), [&](int64_t row, int64_t column, int64_t count) {
    HWY_DYNAMIC_DISPATCH(BinarySpan)
    (kind, at(a, row, column), at(b, repeat ? 0 : row, column), at(y, row, column), count);
  });
}

void CpuBackend::unary(UnaryKind kind, ConstView x, View y) {
  for_spans(threads_, x.dense() && y.dense(), x.rows(), x.columns(),
            [&](int64_t row, int64_t column, int64_t count) {
              HWY_DYNAMIC_DISPATCH(UnarySpan)(kind, at(x, row, column), at(y, row, column), count);
            });
}

void CpuBackend::unary_backward(UnaryKind kind, ConstView x, ConstView dy, bool accumulate, View dx) {
  const bool dense = x.dense() && dy.dense() && dx.dense();
  for_spans(threads_, dense, x.rows(), x.columns(), [&](int64_t row, int64_t column, int64_t count) {
    HWY_DYNAMIC_DISPATCH(UnaryBackwardSpan)
    (kind, at(x, row, column), at(dy, row, column), accumulate, at(dx, row, column), count);
  });
}

void CpuBackend::gated(UnaryKind kind, ConstView gate, ConstView up, View y) {
  const bool dense = gate.dense() && up.dense() && y.dense();
  for_spans(threads_, dense, gate.rows(), gate.columns(), [&](int64_t row, int64_t column, int64_t count) {
    HWY_DYNAMIC_DISPATCH(GatedSpan)
    (kind, at(gate, row, column), at(up, row, column), at(y, row, column), count);
  });
}

void CpuBackend::gated_backward(UnaryKind kind, ConstView gate, ConstView up, ConstView dy, View dgate,
                                View dup) {
  const bool dense = gate.dense() && up.dense() && dy.dense() && dgate.dense() && dup.dense();
  for_spans(threads_, dense, gate.rows(), gate.columns(), [&](int64_t row, int64_t column, int64_t count) {
    HWY_DYNAMIC_DISPATCH(GatedBackwardSpan)
    (kind, at(gate, row, column), at(up, row, column), at(dy, row, column), at(dgate, row, column),
     at(dup, row, column), count);
  });
}

}  // namespace peft
#endif  // HWY_ONCE
