#include "ops/gated.h"

#include "ops/elementwise.h"
#include "ops/reduce.h"
#include "ops/views.h"
#include "support/gradient_check.h"
#include "support/reference.h"

namespace peft {
namespace {

class Gated : public GradientTest {};
INSTANTIATE_TEST_SUITE_P(Devices, Gated, every_device());

DoubleVector expected(UnaryKind kind, const DoubleVector& gate, const DoubleVector& up) {
  DoubleVector y;
  for (size_t i = 0; i < gate.size(); ++i) y.push_back(reference::unary(kind, gate[i]) * up[i]);
  return y;
}

TEST_P(Gated, Activations) {
  for (const UnaryKind kind : {UnaryKind::silu, UnaryKind::gelu, UnaryKind::gelu_tanh}) {
    check_op({.inputs = {{{4, 9}, 3.0f}, {{4, 9}}},
              .op = [kind](Context& c, auto& in) { return gated(c, kind, in[0], in[1]); },
              .reference = [kind](const auto& in) { return expected(kind, in[0], in[1]); },
              .tolerance = 4e-6});
  }
}

TEST_P(Gated, HalvesOfOneBuffer) {
  check_op({.inputs = {{{2, 10}, 2.0f}},
            .op =
                [](Context& c, auto& in) {
                  const int64_t widths[] = {5, 5};
                  std::vector<Tensor> halves = split_columns(c, in[0], widths);
                  in.clear();
                  Tensor up = std::move(halves[1]), gate = std::move(halves[0]);
                  return gated(c, UnaryKind::silu, std::move(gate), std::move(up));
                },
            .reference =
                [](const auto& in) {
                  DoubleVector gate, up;
                  for (size_t i = 0; i < 20; ++i) (i % 10 < 5 ? gate : up).push_back(in[0][i]);
                  return expected(UnaryKind::silu, gate, up);
                },
            .tolerance = 4e-6});
}

// The gradients take the kept buffers: the walk through the op needs no memory.
TEST_P(Gated, GradientsReuseTheKeptBuffers) {
  Tape tape;
  const TapeScope scope(*context, &tape);
  const Tensor a = random_leaf({64, 64}), b = random_leaf({64, 64});
  Tensor y = gated(*context, UnaryKind::silu, scale(*context, a, 1.0f), scale(*context, b, 1.0f));
  Tensor seed = random_tensor({64, 64});
  context->pool().reset_peak();
  const int64_t before = context->pool().statistics().used;
  tape.backward(*context, y, seed);
  EXPECT_EQ(context->pool().statistics().peak_used, before);
}

TEST_P(Gated, ShapesMustAgree) {
  EXPECT_THROW(gated(*context, UnaryKind::silu, random_tensor({4, 9}), random_tensor({9, 4})), Error);
}

}  // namespace
}  // namespace peft
