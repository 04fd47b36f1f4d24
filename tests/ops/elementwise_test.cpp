#include "ops/elementwise.h"

#include "ops/reduce.h"
#include "support/gradient_check.h"
#include "support/reference.h"

namespace peft {
namespace {

class Elementwise : public GradientTest {};
INSTANTIATE_TEST_SUITE_P(Devices, Elementwise, every_device());

template <typename F>
auto pairwise(F f) {
  return [f](const std::vector<DoubleVector>& in) {
    DoubleVector y;
    for (size_t i = 0; i < in[0].size(); ++i) y.push_back(f(in[0][i], in[1][i % in[1].size()]));
    return y;
  };
}

TEST_P(Elementwise, Pairs) {
  check_op({.inputs = {{{3, 7}}, {{3, 7}}},
            .op = [](Context& c, auto& in) { return add(c, in[0], in[1]); },
            .reference = pairwise([](double a, double b) { return a + b; })});
  check_op({.inputs = {{{3, 7}}, {{3, 7}}},
            .op = [](Context& c, auto& in) { return subtract(c, in[0], in[1]); },
            .reference = pairwise([](double a, double b) { return a - b; })});
  check_op({.inputs = {{{3, 7}}, {{3, 7}}},
            .op = [](Context& c, auto& in) { return multiply(c, in[0], in[1]); },
            .reference = pairwise([](double a, double b) { return a * b; })});
}

TEST_P(Elementwise, Rows) {
  check_op({.inputs = {{{3, 7}}, {{7}}},
            .op = [](Context& c, auto& in) { return add_row(c, in[0], in[1]); },
            .reference = pairwise([](double a, double b) { return a + b; })});
  check_op({.inputs = {{{3, 7}}, {{7}}},
            .op = [](Context& c, auto& in) { return multiply_row(c, in[0], in[1]); },
            .reference = pairwise([](double a, double b) { return a * b; })});
}

TEST_P(Elementwise, Scale) {
  check_op({.inputs = {{{3, 7}}},
            .op = [](Context& c, auto& in) { return scale(c, in[0], -1.5f); },
            .reference =
                [](const auto& in) {
                  DoubleVector y = in[0];
                  for (double& value : y) value *= -1.5;
                  return y;
                }});
}

TEST_P(Elementwise, Unary) {
  for (const UnaryKind kind : {UnaryKind::silu, UnaryKind::gelu, UnaryKind::gelu_tanh, UnaryKind::relu,
                               UnaryKind::tanh, UnaryKind::sigmoid}) {
    SCOPED_TRACE(static_cast<int>(kind));
    OpCase::Input input{.shape = {3, 7}, .values = random_values(21, 3.0f)};
    for (float& value : input.values) value += value > 0 ? 0.1f : -0.1f;  // away from relu's corner
    check_op({.inputs = {input},
              .op = [kind](Context& c, auto& in) { return unary(c, kind, in[0]); },
              .reference =
                  [kind](const auto& in) {
                    DoubleVector y;
                    for (const double x : in[0]) y.push_back(reference::unary(kind, x));
                    return y;
                  },
              .tolerance = 4e-6});
  }
}

TEST_P(Elementwise, OneTensorTwice) {
  check_op({.inputs = {{{3, 7}}},
            .op = [](Context& c, auto& in) { return add(c, multiply(c, in[0], in[0]), in[0]); },
            .reference =
                [](const auto& in) {
                  DoubleVector y;
                  for (const double x : in[0]) y.push_back(x * x + x);
                  return y;
                }});
}

// The residual sum takes its branch's buffer when nobody else holds it, and never otherwise.
TEST_P(Elementwise, AddReusesTheBranch) {
  Tensor branch = random_tensor({3, 7});
  const Tensor x = random_tensor({3, 7});
  const std::vector<float> before = context->to_host(branch);
  const Storage* buffer = branch.storage().get();
  const Tensor fresh = add(*context, branch, x);
  EXPECT_EQ(context->to_host(branch), before);
  const Tensor reused = add(*context, std::move(branch), x);
  EXPECT_EQ(reused.storage().get(), buffer);
  EXPECT_EQ(context->to_host(reused), context->to_host(fresh));
}

TEST_P(Elementwise, BuffersThatAnOpKeptAreNotReused) {
  Tape tape;
  const TapeScope scope(*context, &tape);
  Tensor leaf = random_leaf({3, 7});
  Tensor x = scale(*context, leaf, 1.0f);
  Tensor y = unary(*context, UnaryKind::silu, x);  // keeps x
  const Storage* kept = x.storage().get();
  const Tensor z = add(*context, std::move(x), y);
  EXPECT_NE(z.storage().get(), kept);
}

TEST_P(Elementwise, ShapesMustAgree) {
  EXPECT_THROW(add(*context, random_tensor({3, 7}), random_tensor({7, 3})), Error);
  EXPECT_THROW(multiply_row(*context, random_tensor({3, 7}), random_tensor({3})), Error);
  EXPECT_THROW(add_row(*context, random_tensor({3, 7}), random_tensor({7, 1})), Error);
}

}  // namespace
}  // namespace peft
