// Ops over bf16 activations against the same ops in f32, where a device has them. Inputs are numbers of bf16, so what
// differs is what an op rounds: every rounding moves a tensor by at most 2^-9 of its norm. Products of bf16 are exact in
// f32, sums are f32 in both.
#include <cmath>
#include <functional>

#include "base/half.h"
#include "ops/attention.h"
#include "ops/convert.h"
#include "ops/cross_entropy.h"
#include "ops/dropout.h"
#include "ops/elementwise.h"
#include "ops/embedding.h"
#include "ops/gated.h"
#include "ops/linear.h"
#include "ops/low_rank.h"
#include "ops/norm.h"
#include "ops/reduce.h"
#include "ops/rope.h"
#include "ops/views.h"
#include "support/device.h"
#include "support/expect_error.h"

namespace peft {
namespace {

constexpr double rounding = 0x1.0p-9;

class Bfloat16Ops : public DeviceTest {
 protected:
  using Op = std::function<Tensor(Context&, std::vector<Tensor>& activations, std::vector<Tensor>& parameters)>;

  std::vector<float> rounded_values(int64_t count, float scale = 1.0f) {
    std::vector<float> values = random_values(count, scale);
    for (float& value : values) value = bfloat16_to_float(float_to_bfloat16(value));
    return values;
  }
  Tensor rounded_tensor(const Shape& shape, float scale = 1.0f) {
    return context->from_host(rounded_values(shape.elements(), scale), shape);
  }

  // y, then the gradients of activations and parameters to a weighted sum of y.
  struct Outcome {
    std::vector<std::vector<float>> values;
  };
  Outcome run(DType type, const Op& op, const std::vector<Tensor>& activations, const std::vector<Tensor>& parameters,
              const Tensor& weights) {
    context->arithmetic = type == DType::bf16 ? Arithmetic::bfloat16 : Arithmetic::float32;
    Tape tape;
    const TapeScope scope(*context, &tape);
    std::vector<Tensor> leaves, inputs, own;
    for (const Tensor& each : activations) {
      leaves.push_back(each.detached());
      make_leaf(leaves.back(), context->zeros(each.shape()));
      inputs.push_back(as_activation(*context, leaves.back(), type));
    }
    for (const Tensor& each : parameters) {
      own.push_back(each.detached());
      make_leaf(own.back(), context->zeros(each.shape()));
    }
    const Tensor y = op(*context, inputs, own);
    inputs.clear();
    EXPECT_EQ(y.dtype(), type);
    Outcome outcome;
    const Tensor wide = as_activation(*context, y, DType::f32);
    outcome.values.push_back(context->to_host(contiguous(*context, wide.detached())));
    tape.backward(*context, weighted_sum(*context, contiguous(*context, wide), weights));
    for (const Tensor& leaf : leaves) outcome.values.push_back(context->to_host(leaf.grad()->gradient));
    for (const Tensor& leaf : own) outcome.values.push_back(context->to_host(leaf.grad()->gradient));
    return outcome;
  }

  // `roundings`: of y, of each activation's gradient, of each parameter's, dy's own one included.
  void compare(const std::vector<Shape>& activations, const std::vector<Shape>& parameters, const Shape& result,
               const Op& op, const std::vector<double>& roundings) {
    if (!context->backend().bfloat16_activations()) {
      const Tensor x = rounded_tensor({2, 2});
      EXPECT_ERROR(Code::mismatch, "expected f32, found bf16", as_activation(*context, x, DType::bf16));
      return;
    }
    std::vector<Tensor> xs, ps;
    for (const Shape& shape : activations) xs.push_back(rounded_tensor(shape));
    for (const Shape& shape : parameters) ps.push_back(rounded_tensor(shape));
    const Tensor weights = rounded_tensor(result);
    const Outcome expected = run(DType::f32, op, xs, ps, weights), found = run(DType::bf16, op, xs, ps, weights);
    ASSERT_EQ(found.values.size(), roundings.size());
    for (size_t i = 0; i < roundings.size(); ++i) {
      double difference = 0, norm = 0;
      ASSERT_EQ(found.values[i].size(), expected.values[i].size());
      for (size_t k = 0; k < found.values[i].size(); ++k) {
        difference += std::pow(static_cast<double>(found.values[i][k]) - expected.values[i][k], 2);
        norm += std::pow(static_cast<double>(expected.values[i][k]), 2);
      }
      EXPECT_GT(norm, 0) << "value " << i;
      EXPECT_LE(std::sqrt(difference), (roundings[i] * rounding + 1e-5) * std::sqrt(norm)) << "value " << i;
    }
  }
};
INSTANTIATE_TEST_SUITE_P(Devices, Bfloat16Ops, every_device());

TEST_P(Bfloat16Ops, Linear) {
  const Tensor weight = to_dtype(*context, rounded_tensor({24, 40}), DType::bf16);
  compare({{7, 40}}, {}, {7, 24}, [&](Context& c, auto& x, auto&) { return linear(c, x[0], weight); }, {1, 1});
  compare({{7, 40}}, {{24, 40}, {24}}, {7, 24},
          [](Context& c, auto& x, auto& p) { return linear(c, x[0], p[0], WeightLayout::out_in, p[1]); },
          // The product is rounded, then the sum with the bias, which is not much smaller.
          {2.5, 1, 1, 1});
  compare({{7, 24}}, {}, {7, 40},
          [&](Context& c, auto& x, auto&) { return linear(c, x[0], weight, WeightLayout::in_out); }, {1, 1});
}

TEST_P(Bfloat16Ops, Norms) {
  // dy is exact; what is subtracted from it in dx is not larger.
  compare({{9, 48}}, {{48}}, {9, 48},
          [](Context& c, auto& x, auto& p) { return rms_norm(c, x[0], p[0], 1e-5f); }, {1, 1, 1});
  compare({{9, 48}}, {{48}, {48}}, {9, 48},
          [](Context& c, auto& x, auto& p) { return layer_norm(c, x[0], p[0], p[1], 1e-5f); }, {1, 1, 1, 1});
}

TEST_P(Bfloat16Ops, Elementwise) {
  compare({{5, 33}, {5, 33}}, {}, {5, 33}, [](Context& c, auto& x, auto&) { return add(c, std::move(x[0]), x[1]); },
          {1, 1, 1});
  compare({{5, 33}, {5, 33}}, {}, {5, 33}, [](Context& c, auto& x, auto&) { return subtract(c, x[0], x[1]); },
          {1, 1, 1});
  compare({{5, 33}, {5, 33}}, {}, {5, 33}, [](Context& c, auto& x, auto&) { return multiply(c, x[0], x[1]); },
          {1, 1, 1});
  compare({{5, 33}}, {{33}}, {5, 33}, [](Context& c, auto& x, auto& p) { return add_row(c, std::move(x[0]), p[0]); },
          {1, 1, 1});
  compare({{5, 33}}, {{33}}, {5, 33}, [](Context& c, auto& x, auto& p) { return multiply_row(c, x[0], p[0]); },
          {1, 1, 1});
  compare({{5, 33}}, {}, {5, 33}, [](Context& c, auto& x, auto&) { return scale(c, x[0], 0.3f); }, {1, 1});
  for (const UnaryKind kind : {UnaryKind::silu, UnaryKind::gelu, UnaryKind::gelu_tanh, UnaryKind::relu})
    compare({{5, 33}}, {}, {5, 33}, [&](Context& c, auto& x, auto&) { return unary(c, kind, x[0]); }, {1, 1});
  compare({{5, 32}, {5, 32}}, {}, {5, 32},
          [](Context& c, auto& x, auto&) { return gated(c, UnaryKind::silu, std::move(x[0]), std::move(x[1])); },
          {1, 1, 1});
}

TEST_P(Bfloat16Ops, Rope) {
  const std::vector<int32_t> places = {0, 1, 2, 5, 9};
  const Tensor positions = context->from_host(std::span<const int32_t>(places), {5});
  const Tensor table = random_tensor({10, 8});
  compare({{5, 24}}, {}, {5, 24},
          [&](Context& c, auto& x, auto&) { return rope(c, std::move(x[0]), positions, table, {3, 8, 8, false}); },
          {1, 1});
}

TEST_P(Bfloat16Ops, Attention) {
  const std::vector<int32_t> rows = {0, 9, 0, 9, 9, 5, 9, 5};
  const Tensor segments = context->from_host(std::span<const int32_t>(rows), {2, 4});
  AttentionOptions options;
  options.heads = 4, options.kv_heads = 2, options.head_dim = 16, options.scale = 0.25f;
  // The weights of the mean are rounded too, and so is what is summed with them in the gradients.
  compare({{14, 64}, {14, 32}, {14, 32}}, {}, {14, 64},
          [&](Context& c, auto& x, auto&) { return attention(c, x[0], x[1], x[2], segments, options); },
          {2, 4, 4, 3});
}

TEST_P(Bfloat16Ops, Rows) {
  const std::vector<int32_t> places = {4, 0, 4, 2};
  const Tensor index = context->from_host(std::span<const int32_t>(places), {4});
  compare({{5, 16}}, {}, {4, 16}, [&](Context& c, auto& x, auto&) { return gather_rows(c, x[0], index); }, {0, 1});
  compare({{4, 16}}, {}, {6, 16}, [&](Context& c, auto& x, auto&) { return scatter_rows(c, x[0], index, 6); },
          {1, 0});
  compare({{5, 16}, {3, 16}}, {}, {8, 16},
          [](Context& c, auto& x, auto&) { return concat_rows(c, x); }, {0, 0, 0});
  compare({{5, 16}}, {}, {5, 6},
          [](Context& c, auto& x, auto&) {
            const int64_t widths[] = {6, 10};
            return split_columns(c, x[0], widths)[0];
          },
          {0, 0});
  compare({{5, 16}}, {}, {2, 16}, [](Context& c, auto& x, auto&) { return row_range(c, x[0], 2, 2); }, {0, 0});
  compare({}, {{12, 16}}, {4, 16}, [&](Context& c, auto&, auto& p) { return embedding(c, p[0], index); }, {0, 0});
}

TEST_P(Bfloat16Ops, LowRankWithDropout) {
  std::vector<int32_t> ids;
  for (int32_t t = 0; t < 7; ++t) ids.insert(ids.end(), {0, t});
  RowDropout dropout;
  dropout.options = {.probability = 0.25f, .module = 3, .step = 2, .seed = 77};
  dropout.row_ids = context->from_host(std::span<const int32_t>(ids), {7, 2});
  // x / (1 - p) is rounded before the product.
  compare({{7, 40}}, {{8, 40}}, {7, 8},
          [&](Context& c, auto& x, auto& p) { return shrink(c, x[0], p[0], {}, dropout); }, {2, 2, 2});
  compare({{7, 24}, {7, 8}}, {{24, 8}}, {7, 24},
          [](Context& c, auto& x, auto& p) { return expand_add(c, std::move(x[0]), x[1], p[0], 0.5f); },
          {1, 1, 1, 1});
  compare({{7, 40}}, {}, {7, 40}, [&](Context& c, auto& x, auto&) { return peft::dropout(c, x[0], dropout); },
          {1, 1});
}

// The head sees f32, so that logits and their softmax are as exact as ever; one rounding is that of the gradient.
TEST_P(Bfloat16Ops, LossOfTheHead) {
  if (!context->backend().bfloat16_activations()) return;  // Linear says what happens there
  const Tensor weight = to_dtype(*context, rounded_tensor({50, 32}), DType::bf16);
  const std::vector<int32_t> expected_ids = {3, 49, ignored_label, 7, 20, 11};
  const Tensor labels = context->from_host(std::span<const int32_t>(expected_ids), {6});
  const Tensor hidden = rounded_tensor({6, 32});
  std::vector<std::vector<float>> losses, gradients;
  for (const DType type : {DType::f32, DType::bf16}) {
    context->arithmetic = type == DType::bf16 ? Arithmetic::bfloat16 : Arithmetic::float32;
    Tape tape;
    const TapeScope scope(*context, &tape);
    Tensor leaf = hidden.detached();
    make_leaf(leaf, context->zeros(hidden.shape()));
    const Tensor states = as_activation(*context, leaf, type);
    const ChunkedLoss loss =
        chunked_cross_entropy(*context, states, labels, 0.2f, 4, [&](Context& c, const Tensor& chunk) {
          return linear(c, as_activation(c, chunk, DType::f32), weight);
        });
    tape.backward(*context, states, loss.gradient);
    losses.push_back(context->to_host(loss.losses));
    gradients.push_back(context->to_host(leaf.grad()->gradient));
  }
  for (size_t i = 0; i < losses[0].size(); ++i) EXPECT_NEAR(losses[1][i], losses[0][i], 1e-5);
  double difference = 0, norm = 0;
  for (size_t i = 0; i < gradients[0].size(); ++i) {
    difference += std::pow(static_cast<double>(gradients[1][i]) - gradients[0][i], 2);
    norm += std::pow(static_cast<double>(gradients[0][i]), 2);
  }
  // softmax - onehot is rounded for the product, the gradient when it is stored.
  EXPECT_LE(std::sqrt(difference), 2 * rounding * std::sqrt(norm));
}

}  // namespace
}  // namespace peft
