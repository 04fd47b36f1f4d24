#include "ops/reduce.h"

#include "support/gradient_check.h"

namespace peft {
namespace {

class Reduce : public GradientTest {};
INSTANTIATE_TEST_SUITE_P(Devices, Reduce, every_device());

TEST_P(Reduce, Sums) {
  check_op({.inputs = {{{3, 5}}},
            .op = [](Context& c, auto& in) { return sum(c, in[0]); },
            .reference =
                [](const auto& in) {
                  double total = 0;
                  for (const double x : in[0]) total += x;
                  return DoubleVector{total};
                }});
  const std::vector<float> weights = random_values(15);
  const Tensor device_weights = context->from_host(weights, {3, 5});
  check_op({.inputs = {{{3, 5}}},
            .op = [&](Context& c, auto& in) { return weighted_sum(c, in[0], device_weights); },
            .reference =
                [&](const auto& in) {
                  double total = 0;
                  for (size_t i = 0; i < 15; ++i) total += in[0][i] * double{weights[i]};
                  return DoubleVector{total};
                }});
}

TEST_P(Reduce, SumOfSquaresAddsUp) {
  const std::vector<float> x = random_values(1000), y = random_values(77);
  double expected = 0;
  for (const float v : x) expected += double{v} * v;
  for (const float v : y) expected += double{v} * v;
  Tensor total = sum_squares(*context, context->from_host(x, {10, 100}));
  total = sum_squares(*context, context->from_host(y, {77}), total);
  EXPECT_NEAR(context->to_host(total)[0], expected, 1e-6 * expected);
}

TEST_P(Reduce, SumOfSquaresShowsNonFiniteValues) {
  std::vector<float> x = random_values(1000);
  x[700] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_FALSE(std::isfinite(context->to_host(sum_squares(*context, context->from_host(x, {1000})))[0]));
  x[700] = std::numeric_limits<float>::infinity();
  EXPECT_FALSE(std::isfinite(context->to_host(sum_squares(*context, context->from_host(x, {1000})))[0]));
}

}  // namespace
}  // namespace peft
