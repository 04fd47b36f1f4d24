#include "ops/norm.h"

#include "ops/elementwise.h"
#include "support/gradient_check.h"
#include "support/reference.h"

namespace peft {
namespace {

class Norm : public GradientTest {};
INSTANTIATE_TEST_SUITE_P(Devices, Norm, every_device());

TEST_P(Norm, Rms) {
  check_op({.inputs = {{{5, 19}}, {{19}}},
            .op = [](Context& c, auto& in) { return rms_norm(c, in[0], in[1], 1e-5f); },
            .reference = [](const auto& in) { return reference::rms_norm(in[0], in[1], double{1e-5f}); }});
}

TEST_P(Norm, Layer) {
  check_op({.inputs = {{{5, 19}}, {{19}}, {{19}}},
            .op = [](Context& c, auto& in) { return layer_norm(c, in[0], in[1], in[2], 1e-5f); },
            .reference =
                [](const auto& in) { return reference::layer_norm(in[0], in[1], in[2], double{1e-5f}); }});
}

TEST_P(Norm, KeepsInputAndOneFloatARow) {
  Tape tape;
  const TapeScope scope(*context, &tape);
  const Tensor leaf = random_leaf({64, 64}), weight = random_tensor({64});
  Tensor x = scale(*context, leaf, 1.0f);
  const int64_t before = context->pool().statistics().used;
  const Tensor y = rms_norm(*context, x, weight, 1e-5f);
  x = Tensor();
  EXPECT_EQ(context->pool().statistics().used - before, 64 * 64 * 4 + 64 * 4);
}

TEST_P(Norm, WeightMustFit) {
  EXPECT_THROW(rms_norm(*context, random_tensor({5, 19}), random_tensor({18}), 1e-5f), Error);
  EXPECT_THROW(layer_norm(*context, random_tensor({5, 19}), random_tensor({19}), Tensor(), 1e-5f), Error);
}

}  // namespace
}  // namespace peft
