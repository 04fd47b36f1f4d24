#include <cmath>
#include <limits>

#include "cuda/device_matrix.h"

namespace peft {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

class CrossEntropyKernel : public DeviceTest {
 protected:
  void expect_row(const FloatMatrix& logits, const FloatMatrix& gradient, float loss, int64_t r,
                  int32_t label, double scale);
};
INSTANTIATE_TEST_SUITE_P(Devices, CrossEntropyKernel, every_device());

void CrossEntropyKernel::expect_row(const FloatMatrix& logits, const FloatMatrix& gradient, float loss,
                                    int64_t r, int32_t label, double scale) {
  double maximum = -std::numeric_limits<double>::infinity(), sum = 0;
  for (int64_t c = 0; c < logits.columns(); ++c)
    maximum = std::max(maximum, static_cast<double>(logits.at(r, c)));
  for (int64_t c = 0; c < logits.columns(); ++c)
    sum += std::exp(static_cast<double>(logits.at(r, c)) - maximum);
  // f32 holds the loss; the sum's own error is below 1e-6
  ASSERT_TRUE(
      near(loss, std::log(sum) + maximum - static_cast<double>(logits.at(r, label)), 2 * f32_epsilon, 1e-6));
  for (int64_t c = 0; c < logits.columns(); ++c) {
    const double below = maximum - static_cast<double>(logits.at(r, c)), p = std::exp(-below) / sum;
    const double expected = scale * (p - (c == label ? 1 : 0));
    // the distance to the maximum is rounded to f32 before exp sees it
    ASSERT_TRUE(near(gradient.at(r, c), expected, (16 + 2 * std::min(below, 200.0)) * f32_epsilon,
                     2e-7 * scale * (c == label ? 1 : 0) + 1e-37))
        << r << " " << c;
  }
}

TEST_P(CrossEntropyKernel, LossAndGradientOfOddWidths) {
  for (const int64_t columns : {1, 2, 3, 17, 2048, 3001, 4095, 4097, 50257, 131074}) {
    const int64_t rows = columns > 10000 ? 2 : 5;
    for (const Placement place : placements) {
      FloatMatrix logits(*context, rows, columns, place), gradient(*context, rows, columns, place);
      FloatMatrix losses(*context, 1, rows), only_losses(*context, 1, rows);
      IndexMatrix labels(*context, 1, rows);
      logits.randomize(1, 4);
      gradient.assign(logits);
      for (int32_t r = 0; r < rows; ++r)
        labels.at(0, r) =
            r == 0 ? static_cast<int32_t>(columns - 1) : static_cast<int32_t>(r * 7919 % columns);
      context->backend().cross_entropy(gradient.view(), labels.vector_view(), 0.25f, losses.vector_view());
      context->backend().cross_entropy(logits.view(), labels.vector_view(), 0, only_losses.vector_view());
      ASSERT_TRUE(gradient.guards_intact() && logits.guards_intact());
      ASSERT_TRUE(losses.guards_intact() && losses.same_bits(only_losses));
      for (int64_t r = 0; r < rows; ++r) {
        ASSERT_NO_FATAL_FAILURE(expect_row(logits, gradient, losses.at(0, r), r, labels.at(0, r), 0.25));
      }
    }
  }
}

TEST_P(CrossEntropyKernel, ExtremeLogits) {
  FloatMatrix logits(*context, 4, 9000), gradient(*context, 4, 9000), losses(*context, 1, 4);
  logits.randomize(1);
  for (int64_t c = 0; c < 9000; ++c) {
    if (c < 5000) logits.at(1, c) = -infinity;  // all that many threads see
    logits.at(2, c) *= 1e4f;
    logits.at(3, c) = c == 8000 ? -2000.0f : -infinity;
  }
  logits.at(0, 8999) = 1e30f;
  logits.at(2, 77) = 6e4f;
  gradient.assign(logits);
  const int32_t chosen[4] = {8999, 6000, 77, 8000};
  IndexMatrix labels(*context, 1, 4);
  for (int64_t r = 0; r < 4; ++r) labels.at(0, r) = chosen[r];
  context->backend().cross_entropy(gradient.view(), labels.vector_view(), 1, losses.vector_view());
  EXPECT_EQ(losses.at(0, 0), 0);
  EXPECT_EQ(losses.at(0, 3), 0);
  for (int64_t r = 0; r < 4; ++r) {
    ASSERT_NO_FATAL_FAILURE(expect_row(logits, gradient, losses.at(0, r), r, chosen[r], 1));
  }
}

TEST_P(CrossEntropyKernel, UnlabelledRowsGiveNothing) {
  for (const int64_t columns : {1, 50, 3001}) {
    FloatMatrix logits(*context, 3, columns, {3, 1}), losses(*context, 1, 3);
    logits.randomize(1);
    losses.fill(9);
    IndexMatrix labels(*context, 1, 3);
    labels.at(0, 0) = labels.at(0, 2) = -100;
    context->backend().cross_entropy(logits.view(), labels.vector_view(), 0, losses.vector_view());
    EXPECT_NE(logits.at(2, 0), 0);
    context->backend().cross_entropy(logits.view(), labels.vector_view(), 1, losses.vector_view());
    for (int64_t c = 0; c < columns; ++c) ASSERT_TRUE(logits.at(0, c) == 0 && logits.at(2, c) == 0);
    EXPECT_TRUE(losses.at(0, 0) == 0 && losses.at(0, 2) == 0 && losses.at(0, 1) != 9);
    EXPECT_TRUE(logits.guards_intact());
  }
}

TEST_P(CrossEntropyKernel, NanIsSeen) {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), infinity}) {
    for (const int64_t place : {0, 31, 4999}) {
      FloatMatrix logits(*context, 1, 5000), losses(*context, 1, 1);
      logits.randomize(1);
      logits.at(0, place) = bad;
      IndexMatrix labels(*context, 1, 1);
      labels.at(0, 0) = 7;
      context->backend().cross_entropy(logits.view(), labels.vector_view(), 0, losses.vector_view());
      EXPECT_FALSE(std::isfinite(losses.at(0, 0))) << place;
    }
  }
}

TEST_P(CrossEntropyKernel, AGpuAnswersWrongLabelsWithNan) {
  if (device->kind() == DeviceKind::cpu) return;  // there an assertion stops
  FloatMatrix logits(*context, 3, 100, {1, 0}), losses(*context, 1, 3);
  logits.randomize(1);
  IndexMatrix labels(*context, 1, 3);
  labels.at(0, 0) = -5;
  labels.at(0, 1) = 100;
  context->backend().cross_entropy(logits.view(), labels.vector_view(), 1, losses.vector_view());
  EXPECT_TRUE(std::isnan(losses.at(0, 0)) && std::isnan(losses.at(0, 1)) && std::isfinite(losses.at(0, 2)));
  EXPECT_TRUE(std::isnan(logits.at(0, 99)) && std::isfinite(logits.at(2, 99)));
  EXPECT_TRUE(logits.guards_intact() && losses.guards_intact());
}

TEST_P(CrossEntropyKernel, SameBitsEveryTime) {
  FloatMatrix start(*context, 5, 5001), expected(*context, 5, 5001), losses(*context, 1, 5);
  IndexMatrix labels(*context, 1, 5);
  start.randomize(1, 3);
  expected.assign(start);
  context->backend().cross_entropy(expected.view(), labels.vector_view(), 1, losses.vector_view());
  for (int turn = 0; turn < 3; ++turn) {
    FloatMatrix logits(*context, 5, 5001);
    logits.assign(start);
    context->backend().cross_entropy(logits.view(), labels.vector_view(), 1, losses.vector_view());
    EXPECT_TRUE(logits.same_bits(expected));
  }
}

}  // namespace
}  // namespace peft
