#include "support/gradient_check.h"

#include <algorithm>
#include <cmath>

#include "ops/elementwise.h"
#include "ops/reduce.h"

namespace peft {
namespace {

using Values = std::vector<std::vector<float>>;

double dot(const std::vector<float>& weights, const DoubleVector& values) {
  double sum = 0;
  for (size_t i = 0; i < values.size(); ++i) sum += weights[i] * values[i];
  return sum;
}

std::vector<DoubleVector> widen(const Values& values) {
  std::vector<DoubleVector> wide;
  for (const auto& v : values) wide.emplace_back(v.begin(), v.end());
  return wide;
}

// d(output_weights . reference)/d inputs, differences of the fourth order.
std::vector<DoubleVector> numeric_gradients(const OpCase& op_case, const Values& values,
                                            const std::vector<float>& weights) {
  std::vector<DoubleVector> inputs = widen(values), gradients(inputs.size());
  const double step = 1e-3;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!op_case.inputs[i].differentiable) continue;
    for (double& value : inputs[i]) {
      const double at = value;
      const auto f = [&](double offset) {
        value = at + offset;
        return dot(weights, op_case.reference(inputs));
      };
      gradients[i].push_back((8 * (f(step) - f(-step)) - (f(2 * step) - f(-2 * step))) / (12 * step));
      value = at;
    }
  }
  return gradients;
}

}  // namespace

void expect_close(const std::vector<float>& found, const DoubleVector& expected, double tolerance,
                  const std::string& what) {
  ASSERT_EQ(found.size(), expected.size()) << what;
  double largest = 1e-3;
  for (const double value : expected) largest = std::max(largest, std::abs(value));
  for (size_t i = 0; i < found.size(); ++i) {
    ASSERT_NEAR(found[i], expected[i], tolerance * largest) << what << ", element " << i;
  }
}

std::vector<Tensor> GradientTest::make_inputs(const OpCase& op_case, const Values& values) {
  std::vector<Tensor> inputs;
  for (size_t i = 0; i < values.size(); ++i)
    inputs.push_back(context->from_host(values[i], op_case.inputs[i].shape));
  return inputs;
}

void GradientTest::check_op(const OpCase& op_case) {
  Context& c = *context;
  Values values;
  for (const auto& input : op_case.inputs) {
    values.push_back(input.values.empty() ? random_values(input.shape.elements(), input.scale)
                                          : input.values);
  }
  const DoubleVector expected = op_case.reference(widen(values));
  const std::vector<float> weights = random_values(static_cast<int64_t>(expected.size()));
  const std::vector<DoubleVector> expected_gradients = numeric_gradients(op_case, values, weights);

  Tape tape;
  const TapeScope scope(c, &tape);
  {
    std::vector<Tensor> inputs = make_inputs(op_case, values);
    const Tensor output = op_case.op(c, inputs);
    EXPECT_EQ(tape.size(), 0u) << "frozen inputs must record nothing";
    EXPECT_FALSE(output.requires_grad());
    expect_close(c.to_host(output), expected, op_case.tolerance, "value");
  }

  // Runs the op with the chosen inputs training. As activations they have a second reader after the op, so
  // its contribution is in the target before the op's own arrives.
  const auto run = [&](const std::vector<bool>& trains, bool activations, const std::string& what) {
    std::vector<Tensor> leaves = make_inputs(op_case, values);
    for (size_t i = 0; i < leaves.size(); ++i) {
      if (trains[i]) make_leaf(leaves[i], c.zeros(leaves[i].shape()));
    }
    std::vector<Tensor> inputs = leaves;
    if (activations) {
      for (Tensor& input : inputs) input = input.dtype() == DType::f32 ? scale(c, input, 1.0f) : input;
    }
    std::vector<Tensor> others = inputs;
    Tensor output = op_case.op(c, inputs);
    expect_close(c.to_host(output), expected, op_case.tolerance, what + ": value");
    ASSERT_TRUE(output.requires_grad()) << what;
    Tensor total = weighted_sum(c, output, c.from_host(weights, output.shape()));
    output = Tensor();
    if (activations) {
      for (size_t i = 0; i < others.size(); ++i) {
        if (trains[i]) total = add(c, std::move(total), sum(c, scale(c, others[i], 0.25f)));
      }
    }
    others.clear();
    inputs.clear();
    tape.backward(c, total);
    EXPECT_EQ(tape.size(), 0u);
    for (size_t i = 0; i < leaves.size(); ++i) {
      EXPECT_EQ(c.to_host(leaves[i]), values[i]) << what << ": input " << i << " was written over";
      if (!trains[i]) continue;
      DoubleVector wanted = expected_gradients[i];
      for (double& value : wanted) value += activations ? 0.25 : 0.0;
      expect_close(c.to_host(leaves[i].grad()->gradient), wanted, op_case.gradient_tolerance,
                   what + ": gradient of input " + std::to_string(i));
    }
  };

  std::vector<bool> all;
  for (const auto& input : op_case.inputs) all.push_back(input.differentiable);
  run(all, false, "leaves");
  run(all, true, "activations");
  for (size_t i = 0; i < all.size() && all.size() > 1; ++i) {
    if (!all[i]) continue;
    std::vector<bool> one(all.size());
    one[i] = true;
    run(one, false, "only input " + std::to_string(i) + " trains");
  }
}

}  // namespace peft
