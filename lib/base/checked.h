// Integer arithmetic on sizes that come from files: every overflow is an Error, never a wrap.
#pragma once

#include <cstdint>
#include <limits>
#include <type_traits>

#include "base/error.h"

namespace peft {

template <typename T>
T checked_add(T a, T b, const char* what = "size") {
  T result;
  check(!__builtin_add_overflow(a, b, &result), Code::format, "{} overflows", what);
  return result;
}

template <typename T>
T checked_multiply(T a, T b, const char* what = "size") {
  T result;
  check(!__builtin_mul_overflow(a, b, &result), Code::format, "{} overflows", what);
  return result;
}

// Converts between integer types; a value that does not fit is an Error.
template <typename To, typename From>
To checked_cast(From value, const char* what = "value") {
  static_assert(std::is_integral_v<To> && std::is_integral_v<From>);
  const To result = static_cast<To>(value);
  check(static_cast<From>(result) == value && ((result < To{}) == (value < From{})), Code::format,
        "{} is out of range: {}", what, value);
  return result;
}

// Smallest multiple of `unit` (a power of two) not below `value`.
constexpr int64_t round_up(int64_t value, int64_t unit) { return (value + unit - 1) & ~(unit - 1); }
constexpr int64_t divide_up(int64_t value, int64_t unit) { return (value + unit - 1) / unit; }

}  // namespace peft
