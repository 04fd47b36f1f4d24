#include "ops/linear.h"

#include <gmock/gmock.h>

#include "ops/convert.h"
#include "ops/elementwise.h"
#include "ops/reduce.h"
#include "support/gradient_check.h"
#include "support/reference.h"

namespace peft {
namespace {

class Linear : public GradientTest {};
INSTANTIATE_TEST_SUITE_P(Devices, Linear, every_device());

TEST_P(Linear, OutInWithBias) {
  check_op({.inputs = {{{5, 7}}, {{9, 7}}, {{9}}},
            .op = [](Context& c, auto& in) { return linear(c, in[0], in[1], WeightLayout::out_in, in[2]); },
            .reference =
                [](const auto& in) {
                  DoubleVector y = reference::multiply_nt(in[0], in[1], 5, 9, 7);
                  for (size_t i = 0; i < y.size(); ++i) y[i] += in[2][i % 9];
                  return y;
                }});
}

TEST_P(Linear, InOutWithoutBias) {
  check_op({.inputs = {{{5, 7}}, {{7, 9}}},
            .op = [](Context& c, auto& in) { return linear(c, in[0], in[1], WeightLayout::in_out); },
            .reference =
                [](const auto& in) {
                  return reference::multiply_nt(in[0], reference::transposed(in[1], 7, 9), 5, 9, 7);
                }});
}

TEST_P(Linear, OneRow) {
  check_op({.inputs = {{{1, 33}}, {{17, 33}}},
            .op = [](Context& c, auto& in) { return linear(c, in[0], in[1]); },
            .reference = [](const auto& in) { return reference::multiply_nt(in[0], in[1], 1, 17, 33); }});
}

// A frozen weight in any storage gives the gradient of its decoded values.
TEST_P(Linear, FrozenQuantizedWeights) {
  for (const DType dtype : {DType::bf16, DType::nf4, DType::nf4_double}) {
    const Tensor dense = random_tensor({64, 128});
    const Tensor weight =
        is_nf4(dtype) ? quantized_nf4(*context, dense, dtype) : to_dtype(*context, dense, dtype);
    const std::vector<float> decoded = context->to_host(dequantized(*context, weight));
    const DoubleVector wide(decoded.begin(), decoded.end());
    check_op({.inputs = {{{6, 128}}},
              .op = [&](Context& c, auto& in) { return linear(c, in[0], weight); },
              .reference = [&](const auto& in) { return reference::multiply_nt(in[0], wide, 6, 64, 128); }});
  }
}

TEST_P(Linear, FrozenWeightKeepsNoActivation) {
  Tape tape;
  const TapeScope scope(*context, &tape);
  const Tensor weight = random_tensor({64, 64});
  Tensor leaf = random_leaf({64, 64});
  Tensor x = scale(*context, leaf, 1.0f);
  const int64_t before = context->pool().statistics().used;
  Tensor y = linear(*context, x, weight);
  x = Tensor();
  EXPECT_EQ(context->pool().statistics().used, before);  // y has come, x has gone
  EXPECT_TRUE(y.requires_grad());
}

TEST_P(Linear, TrainableWeightKeepsItsInput) {
  Tape tape;
  const TapeScope scope(*context, &tape);
  Tensor weight = random_leaf({64, 64});
  Tensor x = random_tensor({64, 64});
  const std::weak_ptr<Storage> kept = x.storage();
  Tensor y = linear(*context, x, weight);
  x = Tensor();
  EXPECT_FALSE(kept.expired());
  tape.backward(*context, sum(*context, y));
  EXPECT_TRUE(kept.expired());
}

TEST_P(Linear, ErrorsNameOperandsAndShapes) {
  const Tensor x = random_tensor({2, 3}), weight = random_tensor({4, 5});
  try {
    linear(*context, x, weight);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::mismatch);
    EXPECT_THAT(error.what(),
                testing::HasSubstr("linear: weight [4, 5]: expected x with 5 columns, found [2, 3]"));
  }
  EXPECT_THROW(linear(*context, random_tensor({2, 5}), weight, WeightLayout::out_in, random_tensor({5})),
               Error);
  EXPECT_THROW(linear(*context, Tensor(), weight), Error);
  EXPECT_THROW(linear(*context, x, Tensor()), Error);
}

}  // namespace
}  // namespace peft
