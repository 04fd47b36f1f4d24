// Whole training steps of a small network: what must hold of gradients and memory together.
#include <gtest/gtest.h>

#include <cmath>

#include "support/device.h"
#include "support/tiny_network.h"

namespace peft {
namespace {

class Training : public DeviceTest {
 protected:
  struct Result {
    std::vector<float> losses;
    std::vector<std::vector<float>> gradients;
  };
  Result run(const TinyNetwork::Options& options, int steps = 1) {
    TinyNetwork network(*context, options);
    Result result;
    for (int i = 0; i < steps; ++i) result.losses = network.step(*context, static_cast<uint32_t>(i));
    for (const Tensor& tensor : network.trainable())
      result.gradients.push_back(context->to_host(tensor.grad()->gradient));
    return result;
  }
};
INSTANTIATE_TEST_SUITE_P(Devices, Training, every_device());

TEST_P(Training, CheckpointingChangesNoBitWithDropout) {
  const Result plain = run({.dropout = 0.3f}), checkpointed = run({.checkpointed = true, .dropout = 0.3f});
  EXPECT_EQ(plain.losses, checkpointed.losses);
  EXPECT_EQ(plain.gradients, checkpointed.gradients);
}

TEST_P(Training, DropoutDependsOnTheStep) {
  TinyNetwork network(*context, {.dropout = 0.3f});
  EXPECT_EQ(network.step(*context, 1), network.step(*context, 1));
  EXPECT_NE(network.step(*context, 1), network.step(*context, 2));
}

TEST_P(Training, LowestAdapterTrainsUnderCheckpointing) {
  for (const auto& gradient : run({.checkpointed = true}).gradients) {
    double norm = 0;
    for (const float value : gradient) norm += double{value} * value;
    EXPECT_GT(norm, 0);
  }
}

// Losses move by the gradient: a check of the whole chain. The central difference is off by the third
// derivative only.
TEST_P(Training, GradientsPredictTheLoss) {
  TinyNetwork network(*context, {});
  const auto total = [&] {
    double sum = 0;
    for (const float loss : network.step(*context)) sum += loss;
    return 0.125 * sum;
  };
  total();
  for (Tensor tensor : network.trainable()) {
    const std::vector<float> gradient = context->to_host(tensor.grad()->gradient);
    double norm = 0;
    for (const float value : gradient) norm += double{value} * value;
    const Tensor direction = context->from_host(gradient, tensor.shape());
    const auto step = static_cast<float>(0.005 / std::sqrt(norm));
    const auto move = [&](float by) { context->backend().scale(by, direction.view(), true, tensor.view()); };
    move(step);
    const double above = total();
    move(-2 * step);
    const double below = total();
    move(step);
    const double expected = 2 * step * norm;
    EXPECT_NEAR(above - below, expected, 0.002 * expected + 1e-5) << to_string(tensor.shape());
    // steps above added to the gradients
    for (Tensor other : network.trainable()) {
      Tensor buffer = other.grad()->gradient;
      context->backend().fill(buffer.view(), 0.0f);
    }
    total();
  }
}

TEST_P(Training, LayersBelowTheLowestAdapterCostNoMemory) {
  const auto peak = [&](int64_t layers, int64_t lowest) {
    const auto other = make_context();
    TinyNetwork network(*other, {.layers = layers, .lowest_trained_layer = lowest});
    const int64_t before = other->pool().statistics().used;
    network.step(*other);
    EXPECT_EQ(other->pool().statistics().used, before);
    return other->pool().statistics().peak_used - before;
  };
  EXPECT_LE(peak(6, 5), peak(1, 0) + 24 * 32 * 4);  // the input of the lowest adapted layer
}

TEST_P(Training, SteadyStateNeedsNoNewMemory) {
  TinyNetwork network(*context, {.dropout = 0.1f});
  network.step(*context);
  const PoolStatistics first = context->pool().statistics();
  for (uint32_t i = 1; i < 4; ++i) network.step(*context, i);
  EXPECT_EQ(context->pool().statistics().held, first.held);
  EXPECT_EQ(context->pool().statistics().peak_used, first.peak_used);
  EXPECT_EQ(context->pool().statistics().used, first.used);
}

TEST_P(Training, CheckpointingKeepsOneInputALayer) {
  const auto peak = [&](int64_t layers, bool checkpointed) {
    const auto other = make_context();
    TinyNetwork network(*other, {.layers = layers, .checkpointed = checkpointed});
    const int64_t before = other->pool().statistics().used;
    network.step(*other);
    return other->pool().statistics().peak_used - before;
  };
  EXPECT_EQ(peak(12, true) - peak(6, true), 6 * 24 * 32 * 4);
  EXPECT_LT(peak(12, true), peak(12, false) / 2);
}

TEST_P(Training, AccumulationAddsGradients) {
  const Result once = run({}), twice = run({}, 2);
  for (size_t i = 0; i < once.gradients.size(); ++i)
    for (size_t j = 0; j < once.gradients[i].size(); ++j)
      EXPECT_NEAR(twice.gradients[i][j], 2 * once.gradients[i][j],
                  1e-5 * (1 + std::abs(once.gradients[i][j])));
}

}  // namespace
}  // namespace peft
