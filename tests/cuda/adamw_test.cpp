#include <cmath>

#include "cuda/device_matrix.h"

namespace peft {
namespace {

class AdamWKernel : public DeviceTest {};
INSTANTIATE_TEST_SUITE_P(Devices, AdamWKernel, every_device());

TEST_P(AdamWKernel, FollowsTheDefinitionOverManySteps) {
  for (const int64_t count : {1, 3, 64, 3001}) {
    for (const int64_t lead : {0, 1}) {
      const Placement place{0, lead};
      FloatMatrix parameter(*context, 1, count, place), gradient(*context, 1, count, place);
      FloatMatrix first(*context, 1, count, place), second(*context, 1, count);
      parameter.randomize(1);
      const auto size = static_cast<size_t>(count);
      std::vector<double> p(size), m(size), v(size);
      for (size_t i = 0; i < size; ++i) p[i] = static_cast<double>(parameter.at(0, static_cast<int64_t>(i)));
      AdamWOptions options;
      options.learning_rate = 1e-2f;
      options.weight_decay = 0.1f;
      options.gradient_scale = 0.5f;
      const auto rate = static_cast<double>(options.learning_rate),
                 decay = static_cast<double>(options.weight_decay);
      constexpr int steps = 20;
      for (int step = 1; step <= steps; ++step) {
        gradient.randomize(static_cast<uint64_t>(100 + step));
        options.bias_correction1 = 1 - std::pow(options.beta1, step);
        options.bias_correction2 = 1 - std::pow(options.beta2, step);
        context->backend().adamw(options, gradient.view(), parameter.view(), first.view(), second.view());
        for (size_t i = 0; i < size; ++i) {
          const double g = 0.5 * static_cast<double>(gradient.at(0, static_cast<int64_t>(i)));
          p[i] *= 1 - rate * decay;
          m[i] = options.beta1 * m[i] + (1 - options.beta1) * g;
          v[i] = options.beta2 * v[i] + (1 - options.beta2) * g * g;
          p[i] -= rate * (m[i] / options.bias_correction1) /
                  (std::sqrt(v[i] / options.bias_correction2) + static_cast<double>(options.epsilon));
        }
      }
      for (size_t i = 0; i < size; ++i) {
        const auto at = static_cast<int64_t>(i);
        // one rounding a step of values near 1
        ASSERT_TRUE(near(parameter.at(0, at), p[i], steps * 3 * f32_epsilon, steps * 3 * f32_epsilon));
        ASSERT_TRUE(near(first.at(0, at), m[i], steps * f32_epsilon, steps * f32_epsilon));
        ASSERT_TRUE(near(second.at(0, at), v[i], 2 * steps * f32_epsilon, 0));
      }
      EXPECT_TRUE(parameter.guards_intact() && first.guards_intact() && second.guards_intact());
    }
  }
}

TEST_P(AdamWKernel, ZeroGradientLeavesParametersWithoutDecay) {
  FloatMatrix parameter(*context, 3, 17), gradient(*context, 3, 17), first(*context, 3, 17),
      second(*context, 3, 17);
  FloatMatrix before(*context, 3, 17), none(*context, 0, 4);
  parameter.randomize(1);
  before.assign(parameter);
  AdamWOptions options;
  options.learning_rate = 1;
  options.bias_correction1 = 1 - options.beta1;
  options.bias_correction2 = 1 - options.beta2;
  context->backend().adamw(options, gradient.view(), parameter.view(), first.view(), second.view());
  context->backend().adamw(options, none.view(), none.view(), none.view(), none.view());
  EXPECT_TRUE(parameter.same_bits(before) && none.guards_intact());
}

}  // namespace
}  // namespace peft
