#include <cmath>

#include "support.h"

namespace peft::testing {
namespace {

TEST(AdamW, FollowsTheDefinitionOverManySteps) {
  on_every_instruction_set([] {
    CpuBackend backend(nullptr, 2);
    const int64_t count = 1003;
    Floats32 parameter(1, count), gradient(1, count), first(1, count), second(1, count);
    parameter.randomize(1);
    std::vector<double> p(count), m(count), v(count);
    for (int64_t i = 0; i < count; ++i) p[static_cast<size_t>(i)] = static_cast<double>(parameter.at(0, i));
    AdamWOptions options;
    options.learning_rate = 1e-2f;
    options.weight_decay = 0.1f;
    options.gradient_scale = 0.5f;
    const double rate = static_cast<double>(options.learning_rate),
                 decay = static_cast<double>(options.weight_decay);
    for (int step = 1; step <= 20; ++step) {
      gradient.randomize(static_cast<uint64_t>(100 + step));
      options.bias_correction1 = 1 - std::pow(options.beta1, step);
      options.bias_correction2 = 1 - std::pow(options.beta2, step);
      backend.adamw(options, gradient.view(), parameter.view(), first.view(), second.view());
      for (int64_t i = 0; i < count; ++i) {
        const size_t s = static_cast<size_t>(i);
        const double g = 0.5 * static_cast<double>(gradient.at(0, i));
        p[s] *= 1 - rate * decay;
        m[s] = options.beta1 * m[s] + (1 - options.beta1) * g;
        v[s] = options.beta2 * v[s] + (1 - options.beta2) * g * g;
        p[s] -= rate * (m[s] / options.bias_correction1) /
                (std::sqrt(v[s] / options.bias_correction2) + static_cast<double>(options.epsilon));
      }
    }
    for (int64_t i = 0; i < count; ++i) {
      const size_t s = static_cast<size_t>(i);
      // one rounding a step of values near 1
      ASSERT_TRUE(
          near(static_cast<double>(parameter.at(0, i)), p[s], 20 * 3 * f32_epsilon, 20 * 3 * f32_epsilon));
      ASSERT_TRUE(near(static_cast<double>(first.at(0, i)), m[s], 20 * f32_epsilon, 20 * f32_epsilon));
      ASSERT_TRUE(near(static_cast<double>(second.at(0, i)), v[s], 40 * f32_epsilon, 0));
    }
    EXPECT_TRUE(parameter.guards_intact() && first.guards_intact() && second.guards_intact());
  });
}

TEST(AdamW, ZeroGradientLeavesParametersWithoutDecay) {
  CpuBackend backend(nullptr, 1);
  Floats32 parameter(3, 17), gradient(3, 17), first(3, 17), second(3, 17);
  parameter.randomize(1);
  const Floats32 before = parameter;
  AdamWOptions options;
  options.learning_rate = 1;
  options.bias_correction1 = 1 - options.beta1;
  options.bias_correction2 = 1 - options.beta2;
  backend.adamw(options, gradient.view(), parameter.view(), first.view(), second.view());
  EXPECT_TRUE(parameter.same_bits(before));
}

TEST(AdamW, BitsDoNotDependOnThreads) {
  Floats32 gradient(300, 200);
  gradient.randomize(5);
  expect_independent_of_threads([&](CpuBackend& backend) {
    Floats32 parameter(300, 200), first(300, 200), second(300, 200);
    parameter.randomize(1);
    AdamWOptions options;
    options.learning_rate = 1e-3f;
    backend.adamw(options, gradient.view(), parameter.view(), first.view(), second.view());
    return parameter;
  });
}

}  // namespace
}  // namespace peft::testing
