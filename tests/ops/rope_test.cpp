#include "ops/rope.h"

#include "support/gradient_check.h"
#include "support/reference.h"

namespace peft {
namespace {

class Rope : public GradientTest {
 protected:
  const std::vector<int32_t> positions = {3, 0, 7, 7, 1};
  std::vector<float> table() {
    std::vector<float> values;
    for (int p = 0; p < 8; ++p)
      for (int half = 0; half < 2; ++half)
        for (int i = 0; i < 3; ++i) {
          const double angle = p * std::pow(100.0, -2.0 * i / 6);
          values.push_back(static_cast<float>(half == 0 ? std::cos(angle) : std::sin(angle)));
        }
    return values;
  }
};
INSTANTIATE_TEST_SUITE_P(Devices, Rope, every_device());

TEST_P(Rope, RotatesTheLeadingDimensionsOfEveryHead) {
  const RopeOptions options{.heads = 2, .head_dim = 8, .rotary_dim = 6};
  const Tensor places = context->from_host(std::span<const int32_t>(positions), {5});
  const std::vector<float> values = table();
  const Tensor angles = context->from_host(values, {8, 6});
  check_op({.inputs = {{{5, 16}}},
            .op = [&](Context& c, auto& in) { return rope(c, std::move(in[0]), places, angles, options); },
            .reference = [&](const auto& in) { return reference::rope(options, in[0], positions, values); }});
}

TEST_P(Rope, OperandsMustFit) {
  const Tensor places = context->from_host(std::span<const int32_t>(positions), {5});
  const Tensor angles = context->from_host(table(), {8, 6});
  EXPECT_THROW(
      rope(*context, random_tensor({4, 16}), places, angles, {.heads = 2, .head_dim = 8, .rotary_dim = 6}),
      Error);
  EXPECT_THROW(
      rope(*context, random_tensor({5, 16}), places, angles, {.heads = 2, .head_dim = 8, .rotary_dim = 8}),
      Error);
  EXPECT_THROW(
      rope(*context, random_tensor({5, 16}), places, angles, {.heads = 4, .head_dim = 4, .rotary_dim = 6}),
      Error);
}

}  // namespace
}  // namespace peft
