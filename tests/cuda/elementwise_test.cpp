#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "cuda/activation_types.h"
#include "cuda/device_matrix.h"
#include "tensor/kernel_types.h"

namespace peft {
namespace {

constexpr UnaryKind unary_kinds[] = {UnaryKind::silu, UnaryKind::gelu, UnaryKind::gelu_tanh,
                                     UnaryKind::relu, UnaryKind::tanh, UnaryKind::sigmoid};

struct ValueAndSlope {
  double value, slope;
};

// Without cancellation in the tails.
ValueAndSlope exact(UnaryKind kind, double x) {
  const double pi = std::acos(-1.0);
  const double sigmoid = 1 / (1 + std::exp(-x)), rest = 1 / (1 + std::exp(x));
  switch (kind) {
    case UnaryKind::silu:
      return {x * sigmoid, sigmoid * (1 + x * rest)};
    case UnaryKind::gelu: {
      const double cdf = 0.5 * std::erfc(-x / std::sqrt(2.0));
      return {x * cdf, cdf + x * std::exp(-x * x / 2) / std::sqrt(2 * pi)};
    }
    case UnaryKind::gelu_tanh: {
      const double c = 2 * std::sqrt(2 / pi), u = c * (x + 0.044715 * x * x * x);
      const double s = 1 / (1 + std::exp(-u)), t = 1 / (1 + std::exp(u));
      const double bend = s * t == 0 ? 0 : x * s * t * c * (1 + 3 * 0.044715 * x * x);
      return {x * s, s + bend};
    }
    case UnaryKind::relu:
      return {x > 0 ? x : 0, x > 0 ? 1.0 : 0.0};
    case UnaryKind::tanh:
      return {std::tanh(x), 1 / (std::cosh(x) * std::cosh(x))};
    case UnaryKind::sigmoid:
      return {sigmoid, sigmoid * rest};
  }
  return {0, 0};
}

// exp(-z) of an argument rounded to f32 has a relative error of z epsilon; f32's tails end near 1e-38.
double relative_bound(UnaryKind kind, double x) {
  const bool square = kind == UnaryKind::gelu || kind == UnaryKind::gelu_tanh;
  return (10 + 4 * (square ? std::min(x * x, 200.0) : std::min(std::abs(x), 90.0))) * f32_epsilon;
}
constexpr double least = 2e-36;

class ElementwiseKernel : public DeviceTest {
 protected:
  // Values near 0, in the bend, in both tails, and where f32 ends.
  template <typename T>
  DeviceMatrix<T> probe_points(int64_t rows, int64_t columns, Placement place) {
    DeviceMatrix<T> x(*context, rows, columns, place);
    const float edges[] = {0,      -0.0f, 1e-30f, -1e-30f, 100, -100, 1e10f,
                           -1e10f, 1e-4f, -87.5f, 88.9f,   -12, -9,   9};
    int64_t count = 0;
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t c = 0; c < columns; ++c, ++count)
        x.at(r, c) = count < 14 ? edges[count]
                                : static_cast<float>(static_cast<double>(count * 7919 % 4001 - 2000) * 0.01);
    return x;
  }
};
INSTANTIATE_TEST_SUITE_P(Devices, ElementwiseKernel, every_device());

constexpr std::pair<int64_t, int64_t> shapes[] = {{1, 3001}, {7, 37}, {300, 1}, {5, 64}, {1, 1}, {3, 1032}};

TEST_P(ElementwiseKernel, Unary) {
  with_activation_types(*context, [&]<typename T>(T) {
    using Matrix = DeviceMatrix<T>;
    for (const UnaryKind kind : unary_kinds) {
      for (const auto& [rows, columns] : shapes) {
        for (const Placement place : placements) {
          Matrix x = probe_points<T>(rows, columns, place), y(*context, rows, columns, {8, 0});
          context->backend().unary(kind, x.view(), y.view());
          for (int64_t r = 0; r < rows; ++r) {
            for (int64_t c = 0; c < columns; ++c) {
              const auto in = static_cast<double>(x.at(r, c));
              ASSERT_TRUE(near_stored(y.at(r, c), exact(kind, in).value, relative_bound(kind, in), least))
                  << "kind " << static_cast<int>(kind) << " of " << in;
            }
          }
          ASSERT_TRUE(y.guards_intact());
          Matrix in_place = probe_points<T>(rows, columns, place);
          context->backend().unary(kind, in_place.view(), in_place.view());
          ASSERT_TRUE(in_place.same_bits(y) && in_place.guards_intact());
        }
      }
    }
  });
}

TEST_P(ElementwiseKernel, UnaryBackward) {
  with_activation_types(*context, [&]<typename T>(T) {
    using Matrix = DeviceMatrix<T>;
    for (const UnaryKind kind : unary_kinds) {
      for (const auto& [rows, columns] : shapes) {
        for (const Placement place : placements) {
          Matrix x = probe_points<T>(rows, columns, place), dy(*context, rows, columns, place);
          Matrix dx(*context, rows, columns, {8, 8}), sum(*context, rows, columns, {1, 0});
          dy.randomize(1);
          sum.fill(3);
          context->backend().unary_backward(kind, x.view(), dy.view(), false, dx.view());
          context->backend().unary_backward(kind, x.view(), dy.view(), true, sum.view());
          for (int64_t r = 0; r < rows; ++r) {
            for (int64_t c = 0; c < columns; ++c) {
              const auto in = static_cast<double>(x.at(r, c)), upstream = static_cast<double>(dy.at(r, c));
              const double expected = exact(kind, in).slope * upstream;
              // slopes are sums of terms near 1
              const double bound = std::abs(upstream) * 24 * f32_epsilon;
              ASSERT_TRUE(near_stored(dx.at(r, c), expected, 16 * f32_epsilon, bound))
                  << "kind " << static_cast<int>(kind) << " at " << in;
              ASSERT_TRUE(near_stored(sum.at(r, c), 3 + expected, 2 * f32_epsilon,
                                      bound + 16 * f32_epsilon * std::abs(expected)));
            }
          }
          ASSERT_TRUE(dx.guards_intact() && sum.guards_intact());
        }
      }
    }
  });
}

TEST_P(ElementwiseKernel, NanStaysNan) {
  with_activation_types(*context, [&]<typename T>(T) {
    using Matrix = DeviceMatrix<T>;
    for (const UnaryKind kind : unary_kinds) {
      Matrix x(*context, 1, 19), y(*context, 1, 19);
      x.fill(std::numeric_limits<float>::quiet_NaN());
      context->backend().unary(kind, x.view(), y.view());
      for (int64_t c = 0; c < 19; ++c)
        EXPECT_TRUE(std::isnan(static_cast<float>(y.at(0, c)))) << static_cast<int>(kind);
    }
  });
}

TEST_P(ElementwiseKernel, GatedAndItsGradient) {
  with_activation_types(*context, [&]<typename T>(T) {
    using Matrix = DeviceMatrix<T>;
    for (const UnaryKind kind : unary_kinds) {
      for (const auto& [rows, columns] : shapes) {
        for (const Placement place : placements) {
          Matrix gate(*context, rows, columns, place), up(*context, rows, columns, {5, 0});
          Matrix y(*context, rows, columns, place), dy(*context, rows, columns, place);
          Matrix dgate(*context, rows, columns, {2, 2}), dup(*context, rows, columns, place);
          gate.randomize(1, 2);
          up.randomize(2);
          dy.randomize(3);
          context->backend().gated(kind, gate.view(), up.view(), y.view());
          context->backend().gated_backward(kind, gate.view(), up.view(), dy.view(), dgate.view(), dup.view());
          for (int64_t r = 0; r < rows; ++r) {
            for (int64_t c = 0; c < columns; ++c) {
              const auto g = static_cast<double>(gate.at(r, c)), u = static_cast<double>(up.at(r, c)),
                         d = static_cast<double>(dy.at(r, c));
              const ValueAndSlope f = exact(kind, g);
              const double bound = relative_bound(kind, g) + 4 * f32_epsilon;
              ASSERT_TRUE(near_stored(y.at(r, c), f.value * u, bound, least));
              ASSERT_TRUE(near_stored(dup.at(r, c), f.value * d, bound, least));
              ASSERT_TRUE(
                  near_stored(dgate.at(r, c), f.slope * u * d, 16 * f32_epsilon, std::abs(u * d) * 24 * f32_epsilon));
            }
          }
          ASSERT_TRUE(y.guards_intact() && dgate.guards_intact() && dup.guards_intact());
          context->backend().gated_backward(kind, gate.view(), up.view(), dy.view(), gate.view(), up.view());
          ASSERT_TRUE(gate.same_bits(dgate) && up.same_bits(dup)) << "over its inputs";
          ASSERT_TRUE(gate.guards_intact() && up.guards_intact());
        }
      }
    }
  });
}

TEST_P(ElementwiseKernel, BinaryWithAndWithoutARepeatedRow) {
  with_activation_types(*context, [&]<typename T>(T) {
    using Matrix = DeviceMatrix<T>;
    for (const BinaryKind kind : {BinaryKind::add, BinaryKind::subtract, BinaryKind::multiply}) {
      for (const auto& [rows, columns] : shapes) {
        for (const Placement place : placements) {
          for (const bool repeat : {false, true}) {
            Matrix a(*context, rows, columns, place),
                b(*context, repeat ? 1 : rows, columns, {0, place.lead});
            Matrix y(*context, rows, columns);
            a.randomize(1);
            b.randomize(2);
            context->backend().binary(kind, a.view(), b.view(), y.view());
            for (int64_t r = 0; r < rows; ++r) {
              for (int64_t c = 0; c < columns; ++c) {
                const float left = a.at(r, c), right = b.at(repeat ? 0 : r, c);
                const float expected = kind == BinaryKind::add        ? left + right
                                       : kind == BinaryKind::subtract ? left - right
                                                                      : left * right;
                ASSERT_EQ(y.at(r, c), stored<T>(expected));
              }
            }
            context->backend().binary(kind, a.view(), b.view(), a.view());
            ASSERT_TRUE(a.same_bits(y) && a.guards_intact() && y.guards_intact());
          }
        }
      }
    }
  });
}

// A vector is f32 whatever it is added to: its digits count until the sum is rounded.
TEST_P(ElementwiseKernel, ARepeatedRowKeepsItsDigits) {
  with_activation_types(*context, [&]<typename T>(T) {
    for (const BinaryKind kind : {BinaryKind::add, BinaryKind::subtract, BinaryKind::multiply}) {
      for (const auto& [rows, columns] : shapes) {
        for (const Placement place : placements) {
          DeviceMatrix<T> a(*context, rows, columns, place), y(*context, rows, columns);
          FloatMatrix b(*context, 1, columns, {0, place.lead});
          a.randomize(1);
          b.randomize(2);
          context->backend().binary(kind, a.view(), b.view(), y.view());
          for (int64_t r = 0; r < rows; ++r) {
            for (int64_t c = 0; c < columns; ++c) {
              const float left = a.at(r, c), right = b.at(0, c);
              const float expected = kind == BinaryKind::add        ? left + right
                                     : kind == BinaryKind::subtract ? left - right
                                                                    : left * right;
              ASSERT_EQ(y.at(r, c), stored<T>(expected));
            }
          }
          context->backend().binary(kind, a.view(), b.view(), a.view());
          ASSERT_TRUE(a.same_bits(y) && a.guards_intact() && y.guards_intact());
        }
      }
    }
  });
}

TEST_P(ElementwiseKernel, ActivationsOfTwoTypesAreRefused) {
  if (!context->backend().bfloat16_activations()) return;  // the CPU's ops never make any that are not f32
  FloatMatrix x(*context, 3, 16);
  DeviceMatrix<BFloat16> y(*context, 3, 16);
  const auto expect_refusal = [&](const std::string& types) {
    try {
      context->backend().synchronize();
      ADD_FAILURE() << "taken: " << types;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::unsupported);
      EXPECT_THAT(error.what(), ::testing::HasSubstr("activations of types " + types));
    }
  };
  context->backend().scale(1, x.view(), false, y.view());
  expect_refusal("f32, bf16: expected all f32 or all bf16");
  context->backend().gated(UnaryKind::silu, x.view(), y.view(), x.view());
  expect_refusal("f32, bf16, f32:");
  context->backend().binary(BinaryKind::add, y.view(), x.view(), y.view());  // no vector
  expect_refusal("bf16, f32, bf16:");
  DeviceMatrix<uint16_t> half(*context, 3, 16, {}, DType::f16);
  context->backend().unary(UnaryKind::silu, half.view(), half.view());
  expect_refusal("f16, f16:");
}

TEST_P(ElementwiseKernel, Scale) {
  with_activation_types(*context, [&]<typename T>(T) {
    using Matrix = DeviceMatrix<T>;
    for (const auto& [rows, columns] : shapes) {
      for (const Placement place : placements) {
        Matrix x(*context, rows, columns, place), y(*context, rows, columns, {8, 0}),
            sum(*context, rows, columns, place);
        x.randomize(1);
        sum.fill(2.5f);
        context->backend().scale(-3, x.view(), false, y.view());
        context->backend().scale(-3, x.view(), true, sum.view());
        for (int64_t r = 0; r < rows; ++r) {
          for (int64_t c = 0; c < columns; ++c) {
            ASSERT_EQ(y.at(r, c), stored<T>(-3 * x.at(r, c)));
            const double product = -3.0 * static_cast<double>(x.at(r, c));
            ASSERT_TRUE(near_stored(sum.at(r, c), 2.5 + product, f32_epsilon, f32_epsilon * std::abs(product)));
          }
        }
        ASSERT_TRUE(y.guards_intact() && sum.guards_intact());
        context->backend().scale(-3, x.view(), false, x.view());
        ASSERT_TRUE(x.same_bits(y) && x.guards_intact());
      }
    }
  });
}

// Copies of zero keep their sign, as x * 1 does.
TEST_P(ElementwiseKernel, ScaleKeepsNegativeZero) {
  with_activation_types(*context, [&]<typename T>(T) {
    using Matrix = DeviceMatrix<T>;
    Matrix x(*context, 1, 9), y(*context, 1, 9);
    x.fill(-0.0f);
    context->backend().scale(1, x.view(), false, y.view());
    EXPECT_TRUE(y.same_bits(x));
  });
}

TEST_P(ElementwiseKernel, EmptyShapesDoNothing) {
  with_activation_types(*context, [&]<typename T>(T) {
    using Matrix = DeviceMatrix<T>;
    Matrix none(*context, 0, 16), narrow(*context, 3, 0, {2, 1});
    Backend& backend = context->backend();
    for (Matrix* x : {&none, &narrow}) {
      backend.unary(UnaryKind::silu, x->view(), x->view());
      backend.unary_backward(UnaryKind::silu, x->view(), x->view(), true, x->view());
      backend.gated(UnaryKind::silu, x->view(), x->view(), x->view());
      backend.gated_backward(UnaryKind::silu, x->view(), x->view(), x->view(), x->view(), x->view());
      backend.binary(BinaryKind::add, x->view(), x->view(), x->view());
      backend.scale(2, x->view(), true, x->view());
      context->backend().synchronize();
      EXPECT_TRUE(x->guards_intact());
    }
  });
}

}  // namespace
}  // namespace peft
