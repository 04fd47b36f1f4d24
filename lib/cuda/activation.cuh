// Activation functions of one value, and with their slope; without cancellation in the tails.
#pragma once

#include "cuda/launch.h"
#include "tensor/kernel_types.h"

namespace peft::cuda {

// sigmoid(x) and sigmoid(-x)
struct SigmoidPair {
  float positive, negative;
};
__device__ inline SigmoidPair sigmoid_pair(float x) {
  const float e = expf(-fabsf(x));
  const float large = 1.0f / (1.0f + e), small = e * large;
  return x < 0.0f ? SigmoidPair{small, large} : SigmoidPair{large, small};
}

// The normal distribution's cdf; erfc keeps the lower tail's digits.
__device__ inline float normal_cdf(float x) { return 0.5f * erfcf(-0.707106781f * x); }

inline constexpr float gelu_linear = 2 * 0.797884561f,
                       gelu_cubic = 2 * 0.0356774081f;  // 2 sqrt(2 / pi), times 0.044715

template <UnaryKind kind>
__device__ inline float activation(float x) {
  if constexpr (kind == UnaryKind::silu) return x * sigmoid_pair(x).positive;
  if constexpr (kind == UnaryKind::gelu) return x * normal_cdf(x);
  // (1 + tanh u) / 2 = sigmoid(2 u)
  if constexpr (kind == UnaryKind::gelu_tanh) {
    return x * sigmoid_pair(x * fmaf(gelu_cubic, x * x, gelu_linear)).positive;
  }
  if constexpr (kind == UnaryKind::relu) return x < 0.0f ? 0.0f : x;  // NaN stays
  if constexpr (kind == UnaryKind::tanh) return tanhf(x);
  if constexpr (kind == UnaryKind::sigmoid) return sigmoid_pair(x).positive;
}

struct ValueAndSlope {
  float value, slope;
};

template <UnaryKind kind>
__device__ inline ValueAndSlope activation_slope(float x) {
  if constexpr (kind == UnaryKind::silu) {
    const SigmoidPair s = sigmoid_pair(x);
    return {x * s.positive, s.positive * fmaf(x, s.negative, 1.0f)};
  }
  if constexpr (kind == UnaryKind::gelu) {
    const float cdf = normal_cdf(x), density = 0.398942280f * expf(-0.5f * x * x);
    return {x * cdf, fmaf(x, density, cdf)};
  }
  if constexpr (kind == UnaryKind::gelu_tanh) {
    const float square = x * x;
    const SigmoidPair s = sigmoid_pair(x * fmaf(gelu_cubic, square, gelu_linear));
    const float inner = fmaf(3.0f * gelu_cubic, square, gelu_linear);
    return {x * s.positive, fmaf(x * s.positive, s.negative * inner, s.positive)};
  }
  if constexpr (kind == UnaryKind::relu) return x <= 0.0f ? ValueAndSlope{0.0f, 0.0f} : ValueAndSlope{x, 1.0f};
  if constexpr (kind == UnaryKind::tanh) {
    const float e = expf(-2.0f * fabsf(x)), inverse = 1.0f / (1.0f + e);
    return {tanhf(x), 4.0f * e * inverse * inverse};
  }
  if constexpr (kind == UnaryKind::sigmoid) {
    const SigmoidPair s = sigmoid_pair(x);
    return {s.positive, s.positive * s.negative};
  }
}

// Calls body with the kind as a compile-time constant (its ::value).
template <UnaryKind kind>
struct KindConstant {
  static constexpr UnaryKind value = kind;
};
template <typename Body>
void with_kind(UnaryKind kind, const Body& body) {
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

}  // namespace peft::cuda
