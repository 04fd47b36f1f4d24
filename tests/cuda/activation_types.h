// Tests of one kernel with activations of each type that a backend has: f32, and bf16 on some.
#pragma once

#include <ostream>

#include "base/half.h"
#include "cuda/device_matrix.h"

namespace peft {

// An element of a matrix of bf16, to and from float by rounding to nearest even.
class BFloat16 {
 public:
  BFloat16() = default;
  BFloat16(float value) : bits_(float_to_bfloat16(value)) {}  // NOLINT: implicit on purpose, as are sums of floats
  operator float() const { return bfloat16_to_float(bits_); }  // NOLINT
  BFloat16& operator+=(float value) { return *this = static_cast<float>(*this) + value; }
  friend std::ostream& operator<<(std::ostream& out, BFloat16 value) { return out << static_cast<float>(value); }

 private:
  uint16_t bits_ = 0;
};

// body(T()) for float, and for BFloat16 where the backend takes such activations: the CPU's takes none.
template <typename Body>
void with_activation_types(Context& context, const Body& body) {
  {
    SCOPED_TRACE("f32");
    body(float());
  }
  if (!context.backend().bfloat16_activations()) return;
  SCOPED_TRACE("bf16");
  body(BFloat16());
}

// `value` as T holds it.
template <typename T>
float stored(double value) {
  return static_cast<float>(T(static_cast<float>(value)));
}

// What is found must be a value within relative * |expected| + absolute, rounded once to T. Rounding is monotonic, so
// that it lies between both ends rounded; those of f32 are taken as they are.
template <typename T>
::testing::AssertionResult near_stored(T found, double expected, double relative, double absolute) {
  if constexpr (std::is_same_v<T, float>) {
    return near(found, expected, relative, absolute);
  } else {
    const double bound = relative * std::abs(expected) + absolute;
    const float low = stored<T>(expected - bound), high = stored<T>(expected + bound);
    const auto value = static_cast<float>(found);
    if (low <= value && value <= high) return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure() << "found " << value << ", expected " << expected << ", which is from "
                                         << low << " to " << high << " as bf16";
  }
}

}  // namespace peft
