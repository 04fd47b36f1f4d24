#include "ops/cross_entropy.h"

#include "ops/elementwise.h"
#include "ops/linear.h"
#include "support/gradient_check.h"
#include "support/reference.h"

namespace peft {
namespace {

class CrossEntropy : public GradientTest {
 protected:
  static constexpr size_t rows = 7, width = 6, vocabulary = 11;
  const std::vector<int32_t> labels = {3, ignored_label, 0, 10, 3, ignored_label, 5};

  Tensor device_labels() { return context->from_host(std::span<const int32_t>(labels), {7}); }
};
INSTANTIATE_TEST_SUITE_P(Devices, CrossEntropy, every_device());

TEST_P(CrossEntropy, LossesAndGradientOverTheLogits) {
  const std::vector<float> values = random_values(rows * vocabulary, 5.0f);
  const DoubleVector logits(values.begin(), values.end());
  DoubleVector losses, gradient(logits.size());
  for (size_t r = 0; r < rows; ++r) {
    losses.push_back(reference::cross_entropy(logits.data() + r * vocabulary, vocabulary, labels[r]));
    if (labels[r] < 0) continue;
    const double lse = losses[r] + logits[r * vocabulary + static_cast<size_t>(labels[r])];
    for (size_t c = 0; c < vocabulary; ++c) {
      gradient[r * vocabulary + c] = 0.25 * (std::exp(logits[r * vocabulary + c] - lse) -
                                             (static_cast<int32_t>(c) == labels[r] ? 1 : 0));
    }
  }
  Tensor on_device = context->from_host(values, {7, 11});
  expect_close(context->to_host(cross_entropy(*context, on_device, device_labels())), losses, 2e-6, "losses");
  EXPECT_EQ(context->to_host(on_device), values) << "without a gradient the logits stay";
  expect_close(context->to_host(cross_entropy_in_place(*context, on_device, device_labels(), 0.25f)), losses,
               2e-6, "losses");
  expect_close(context->to_host(on_device), gradient, 2e-6, "gradient");
}

TEST_P(CrossEntropy, LargeLogitsDoNotOverflow) {
  std::vector<float> values(vocabulary, -10000.0f);
  values[2] = 10000.0f;
  const std::vector<int32_t> label = {2};
  const auto losses =
      context->to_host(cross_entropy(*context, context->from_host(values, {1, 11}),
                                     context->from_host(std::span<const int32_t>(label), {1})));
  EXPECT_EQ(losses[0], 0.0f);
}

TEST_P(CrossEntropy, InPlaceRefusesASharedBuffer) {
  Tensor logits = random_tensor({7, 11});
  const Tensor other = logits;
  EXPECT_THROW(cross_entropy_in_place(*context, logits, device_labels(), 1.0f), Error);
}

// Chunks of any size give the losses and gradients of the whole, to the head's weight too.
TEST_P(CrossEntropy, ChunkedThroughATrainableHead) {
  const Tensor labels_device = device_labels();
  for (const int64_t chunk : {1, 3, 7, 100}) {
    SCOPED_TRACE(chunk);
    const auto head_loss = [&](const std::vector<DoubleVector>& in) {
      const DoubleVector logits = reference::multiply_nt(in[0], in[1], rows, vocabulary, width);
      double total = 0;
      for (size_t r = 0; r < rows; ++r)
        total += reference::cross_entropy(logits.data() + r * vocabulary, vocabulary, labels[r]);
      return total;
    };
    const std::vector<float> hidden = random_values(rows * width), weight = random_values(vocabulary * width);
    std::vector<DoubleVector> inputs = {{hidden.begin(), hidden.end()}, {weight.begin(), weight.end()}};
    std::vector<DoubleVector> expected(2);
    for (size_t i = 0; i < 2; ++i)
      for (double& value : inputs[i]) {
        const double at = value;
        const auto f = [&](double offset) {
          value = at + offset;
          return head_loss(inputs);
        };
        expected[i].push_back(0.5 * (8 * (f(1e-3) - f(-1e-3)) - (f(2e-3) - f(-2e-3))) / 12e-3);
        value = at;
      }

    Tape tape;
    const TapeScope scope(*context, &tape);
    Tensor leaf = context->from_host(hidden, {7, 6});
    make_leaf(leaf, context->zeros({7, 6}));
    const Tensor x = scale(*context, leaf, 1.0f);
    Tensor w = context->from_host(weight, {11, 6});
    make_leaf(w, context->zeros({11, 6}));
    const ChunkedLoss loss =
        chunked_cross_entropy(*context, x, labels_device, 0.5f, chunk,
                              [&](Context& c, const Tensor& h) { return linear(c, h, w); });
    double total = 0;
    for (const float l : context->to_host(loss.losses)) total += l;
    EXPECT_NEAR(total, head_loss(inputs), 1e-5);
    expect_close(context->to_host(w.grad()->gradient), expected[1], 1e-5, "head");
    ASSERT_TRUE(loss.gradient.defined());
    tape.backward(*context, x, loss.gradient);
    expect_close(context->to_host(leaf.grad()->gradient), expected[0], 1e-5, "hidden");

    const TapeScope silent(*context, nullptr);
    const ChunkedLoss plain =
        chunked_cross_entropy(*context, x, labels_device, 0.5f, chunk,
                              [&](Context& c, const Tensor& h) { return linear(c, h, w); });
    EXPECT_EQ(context->to_host(plain.losses), context->to_host(loss.losses));
    EXPECT_FALSE(plain.gradient.defined());
  }
}

// All logits would be 512 x 4096 floats; one chunk of 32 rows is all that may exist.
TEST_P(CrossEntropy, NeverHoldsMoreThanOneChunkOfLogits) {
  const Tensor weight = random_tensor({4096, 16}), leaf = random_leaf({512, 16});
  const std::vector<int32_t> ids(512, 7);
  const Tensor targets = context->from_host(std::span<const int32_t>(ids), {512});
  Tape tape;
  const TapeScope scope(*context, &tape);
  const Tensor x = scale(*context, leaf, 1.0f);
  context->pool().reset_peak();
  const int64_t before = context->pool().statistics().used;
  chunked_cross_entropy(*context, x, targets, 1.0f, 32,
                        [&](Context& c, const Tensor& h) { return linear(c, h, weight); });
  const int64_t chunk = 32 * 4096 * 4, small = 512 * 16 * 4 + 32 * 16 * 4 + 512 * 4 + 4096;
  const int64_t scratch = std::max(
      context->backend().matmul_scratch({.kind = MatmulKind::nt}, {32, 16}, {4096, 16}, DType::f32, DType::f32),
      context->backend().matmul_scratch({.kind = MatmulKind::nn}, {32, 4096}, {4096, 16}, DType::f32, DType::f32));
  EXPECT_LE(context->pool().statistics().peak_used - before, chunk + small + scratch);
}

}  // namespace
}  // namespace peft
