#include "ops/matmul.h"

#include "support/gradient_check.h"
#include "support/reference.h"

namespace peft {
namespace {

class Matmul : public GradientTest {};
INSTANTIATE_TEST_SUITE_P(Devices, Matmul, every_device());

TEST_P(Matmul, EveryKind) {
  const auto scaled = [](DoubleVector y) {
    for (double& value : y) value *= 0.5;
    return y;
  };
  check_op(
      {.inputs = {{{4, 6}}, {{5, 6}}},
       .op = [](Context& c, auto& in) { return matmul(c, MatmulKind::nt, in[0], in[1], 0.5f); },
       .reference = [&](const auto& in) { return scaled(reference::multiply_nt(in[0], in[1], 4, 5, 6)); }});
  check_op({.inputs = {{{4, 6}}, {{6, 5}}},
            .op = [](Context& c, auto& in) { return matmul(c, MatmulKind::nn, in[0], in[1], 0.5f); },
            .reference =
                [&](const auto& in) {
                  return scaled(reference::multiply_nt(in[0], reference::transposed(in[1], 6, 5), 4, 5, 6));
                }});
  check_op({.inputs = {{{6, 4}}, {{6, 5}}},
            .op = [](Context& c, auto& in) { return matmul(c, MatmulKind::tn, in[0], in[1], 0.5f); },
            .reference =
                [&](const auto& in) {
                  return scaled(reference::multiply_nt(reference::transposed(in[0], 6, 4),
                                                       reference::transposed(in[1], 6, 5), 4, 5, 6));
                }});
}

TEST_P(Matmul, InnerSizesMustAgree) {
  const Tensor a = random_tensor({4, 6}), b = random_tensor({5, 7});
  for (const MatmulKind kind : {MatmulKind::nt, MatmulKind::nn, MatmulKind::tn}) {
    EXPECT_THROW(matmul(*context, kind, a, b), Error);
  }
}

TEST(Gpu, EveryOpRunsThere) {
  const std::string absence = gpu_absence();
  if (!absence.empty())
    GTEST_SKIP() << "NO GPU: EVERY TEST OF THIS PROGRAM RAN ON THE CPU ALONE: " << absence;
}

}  // namespace
}  // namespace peft
