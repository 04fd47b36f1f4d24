#include <cmath>
#include <limits>

#include "support.h"

namespace peft::testing {
namespace {

constexpr UnaryKind unary_kinds[] = {UnaryKind::silu, UnaryKind::gelu, UnaryKind::gelu_tanh,
                                     UnaryKind::relu, UnaryKind::tanh, UnaryKind::sigmoid};

double value_of(UnaryKind kind, double x) {
  const double pi = std::acos(-1.0);
  switch (kind) {
    case UnaryKind::silu:
      return x / (1 + std::exp(-x));
    case UnaryKind::gelu:
      return 0.5 * x * std::erfc(-x / std::sqrt(2.0));
    // 0.5 (1 + tanh u) without its cancellation
    case UnaryKind::gelu_tanh:
      return x / (1 + std::exp(-2 * std::sqrt(2 / pi) * (x + 0.044715 * x * x * x)));
    case UnaryKind::relu:
      return x > 0 ? x : 0;
    case UnaryKind::tanh:
      return std::tanh(x);
    case UnaryKind::sigmoid:
      return 1 / (1 + std::exp(-x));
  }
  return 0;
}

double slope_of(UnaryKind kind, double x) {
  if (kind == UnaryKind::relu) return x > 0 ? 1 : 0;
  const double h = 1e-5;  // error about h^2 and 1e-16 / h: 1e-10
  return (value_of(kind, x + h) - value_of(kind, x - h)) / (2 * h);
}

// Values near 0, in the bend, in both tails, and where f32 ends.
Floats32 probe_points() {
  Floats32 x(1, 4001);
  for (int64_t c = 0; c < x.columns(); ++c) x.at(0, c) = static_cast<float>((c - 2000) * 0.01);
  x.at(0, 0) = 0;
  x.at(0, 1) = -0.0f;
  x.at(0, 2) = 1e-30f;
  x.at(0, 3) = -1e-30f;
  x.at(0, 4) = 100;
  x.at(0, 5) = -100;
  x.at(0, 6) = 1e10f;
  x.at(0, 7) = -1e10f;
  x.at(0, 8) = 1e-4f;
  x.at(0, 9) = -87.5f;
  x.at(0, 10) = 88.9f;
  return x;
}

TEST(Elementwise, UnaryValuesAreExactToAFewUlp) {
  on_every_instruction_set([] {
    CpuBackend backend(nullptr, 2);
    for (const UnaryKind kind : unary_kinds) {
      Floats32 x = probe_points(), y(1, x.columns());
      backend.unary(kind, x.view(), y.view());
      for (int64_t c = 0; c < x.columns(); ++c) {
        const double at = static_cast<double>(x.at(0, c));
        // exp(-z) of an argument rounded to f32 carries a relative error of z epsilon; below -87 it is cut to
        // 0
        const double bend =
            kind == UnaryKind::gelu || kind == UnaryKind::gelu_tanh ? std::min(at * at, 200.0) : 0;
        ASSERT_TRUE(
            near(static_cast<double>(y.at(0, c)), value_of(kind, at), (8 + 3 * bend) * f32_epsilon, 2e-36))
            << "kind " << static_cast<int>(kind) << " x " << at;
      }
      EXPECT_TRUE(y.guards_intact());
    }
  });
}

TEST(Elementwise, UnaryBackwardIsTheDerivative) {
  on_every_instruction_set([] {
    CpuBackend backend(nullptr, 2);
    for (const UnaryKind kind : unary_kinds) {
      Floats32 x = probe_points(), dy(1, x.columns()), dx(1, x.columns()), sum(1, x.columns());
      dy.randomize(1);
      sum.fill(3);
      backend.unary_backward(kind, x.view(), dy.view(), false, dx.view());
      backend.unary_backward(kind, x.view(), dy.view(), true, sum.view());
      for (int64_t c = 0; c < x.columns(); ++c) {
        const double at = static_cast<double>(x.at(0, c)), upstream = static_cast<double>(dy.at(0, c));
        if (std::abs(at) > 50 || (kind == UnaryKind::relu && std::abs(at) < 1e-3))
          continue;  // differences fail
        const double expected = slope_of(kind, at) * upstream;
        // the slopes are sums of terms near 1: absolute errors of a few epsilon
        ASSERT_TRUE(near(static_cast<double>(dx.at(0, c)), expected, 16 * f32_epsilon,
                         std::abs(upstream) * (24 * f32_epsilon + 1e-9)))
            << "kind " << static_cast<int>(kind) << " x " << at;
        ASSERT_TRUE(near(static_cast<double>(sum.at(0, c)), 3 + expected, 16 * f32_epsilon,
                         (1 + std::abs(upstream)) * (24 * f32_epsilon + 1e-9)));
      }
    }
  });
}

TEST(Elementwise, NanStaysNan) {
  CpuBackend backend(nullptr, 1);
  on_every_instruction_set([&] {
    for (const UnaryKind kind : unary_kinds) {
      Floats32 x(1, 19), y(1, 19);
      x.fill(std::numeric_limits<float>::quiet_NaN());
      backend.unary(kind, x.view(), y.view());
      for (int64_t c = 0; c < 19; ++c) EXPECT_TRUE(std::isnan(y.at(0, c))) << static_cast<int>(kind);
    }
  });
}

TEST(Elementwise, GatedOverStridedRows) {
  on_every_instruction_set([] {
    CpuBackend backend(nullptr, 2);
    for (const UnaryKind kind : unary_kinds) {
      Floats32 gate(7, 37, 3), up(7, 37, 5), y(7, 37, 2);
      gate.randomize(1, 2);
      up.randomize(2);
      backend.gated(kind, gate.view(), up.view(), y.view());
      for (int64_t r = 0; r < 7; ++r)
        for (int64_t c = 0; c < 37; ++c) {
          const double g = static_cast<double>(gate.at(r, c)), u = static_cast<double>(up.at(r, c));
          ASSERT_TRUE(near(static_cast<double>(y.at(r, c)), value_of(kind, g) * u,
                           (12 + 3 * g * g) * f32_epsilon, 1e-36));
        }
      EXPECT_TRUE(y.guards_intact());
    }
  });
}

TEST(Elementwise, GatedBackwardMayOverwriteItsInputs) {
  on_every_instruction_set([] {
    CpuBackend backend(nullptr, 2);
    for (const UnaryKind kind : unary_kinds) {
      Floats32 gate(5, 1001), up(5, 1001), dy(5, 1001), dgate(5, 1001), dup(5, 1001);
      gate.randomize(1, 2);
      up.randomize(2);
      dy.randomize(3);
      backend.gated_backward(kind, gate.view(), up.view(), dy.view(), dgate.view(), dup.view());
      for (int64_t r = 0; r < 5; ++r)
        for (int64_t c = 0; c < 1001; ++c) {
          const double g = static_cast<double>(gate.at(r, c)), u = static_cast<double>(up.at(r, c));
          const double d = static_cast<double>(dy.at(r, c));
          if (kind == UnaryKind::relu && std::abs(g) < 1e-3) continue;
          ASSERT_TRUE(near(static_cast<double>(dgate.at(r, c)), slope_of(kind, g) * u * d, 16 * f32_epsilon,
                           std::abs(u * d) * (24 * f32_epsilon + 1e-9)));
          ASSERT_TRUE(near(static_cast<double>(dup.at(r, c)), value_of(kind, g) * d,
                           (12 + 3 * g * g) * f32_epsilon, 1e-36));
        }
      Floats32 first = gate, second = up;
      backend.gated_backward(kind, first.view(), second.view(), dy.view(), first.view(), second.view());
      EXPECT_TRUE(first.same_bits(dgate));
      EXPECT_TRUE(second.same_bits(dup));
    }
  });
}

TEST(Elementwise, BinaryWithAndWithoutARepeatedRow) {
  on_every_instruction_set([] {
    CpuBackend backend(nullptr, 2);
    for (const BinaryKind kind : {BinaryKind::add, BinaryKind::subtract, BinaryKind::multiply}) {
      for (const bool repeat : {false, true}) {
        Floats32 a(6, 45, 1), b(repeat ? 1 : 6, 45, 2);
        a.randomize(1);
        b.randomize(2);
        Floats32 y(6, 45), in_place = a;
        backend.binary(kind, a.view(), b.view(), y.view());
        backend.binary(kind, in_place.view(), b.view(), in_place.view());
        for (int64_t r = 0; r < 6; ++r)
          for (int64_t c = 0; c < 45; ++c) {
            const float left = a.at(r, c), right = b.at(repeat ? 0 : r, c);
            const float expected = kind == BinaryKind::add        ? left + right
                                   : kind == BinaryKind::subtract ? left - right
                                                                  : left * right;
            ASSERT_EQ(y.at(r, c), expected);
            ASSERT_EQ(in_place.at(r, c), expected);
          }
        EXPECT_TRUE(in_place.guards_intact());
      }
    }
  });
}

TEST(Elementwise, ScaleAndFill) {
  on_every_instruction_set([] {
    CpuBackend backend(nullptr, 2);
    Floats32 x(3, 21, 4), y(3, 21, 4);
    x.randomize(1);
    backend.fill(y.view(), 2.5f);
    EXPECT_TRUE(y.guards_intact());
    backend.scale(-3, x.view(), true, y.view());
    for (int64_t c = 0; c < 21; ++c)
      EXPECT_TRUE(near(static_cast<double>(y.at(2, c)), 2.5 - 3.0 * static_cast<double>(x.at(2, c)),
                       f32_epsilon, 1e-7));
    backend.scale(-3, x.view(), false, y.view());
    EXPECT_EQ(y.at(1, 20), -3 * x.at(1, 20));
    Ints32 integers(2, 5, 1);
    integers.fill(9);
    backend.fill(integers.view(), 0);
    EXPECT_EQ(integers.at(1, 4), 0);
    EXPECT_TRUE(integers.guards_intact());
  });
}

TEST(Elementwise, EmptyShapesDoNothing) {
  CpuBackend backend(nullptr, 2);
  Floats32 none(0, 16), narrow(3, 0, 2);
  backend.fill(none.view(), 1);
  backend.unary(UnaryKind::silu, narrow.view(), narrow.view());
  EXPECT_TRUE(narrow.guards_intact());
}

TEST(Elementwise, BitsDoNotDependOnThreads) {
  Floats32 gate(70, 1536), up(70, 1536);
  gate.randomize(1);
  up.randomize(2);
  expect_independent_of_threads([&](CpuBackend& backend) {
    Floats32 y(70, 1536);
    backend.gated(UnaryKind::silu, gate.view(), up.view(), y.view());
    return y;
  });
}

}  // namespace
}  // namespace peft::testing
