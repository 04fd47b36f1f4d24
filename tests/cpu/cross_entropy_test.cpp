#include <cmath>
#include <limits>

#include "support.h"

namespace peft::testing {
namespace {

void expect_row(const Floats32& logits, const Floats32& gradient, double loss, int64_t r, int32_t label,
                double scale) {
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
    ASSERT_TRUE(near(static_cast<double>(gradient.at(r, c)), expected,
                     (16 + 2 * std::min(below, 200.0)) * f32_epsilon,
                     2e-7 * scale * (c == label ? 1 : 0) + 1e-37))
        << r << " " << c;
  }
}

TEST(CrossEntropy, LossAndGradientOfOddWidths) {
  on_every_instruction_set([] {
    CpuBackend backend(nullptr, 2);
    for (const int64_t columns : {1, 2, 17, 4095, 4097, 49152}) {
      const int64_t rows = columns > 10000 ? 2 : 5;
      Floats32 logits(rows, columns, 3), losses(1, rows), only_losses(1, rows);
      logits.randomize(1, 4);
      Ints32 labels(1, rows);
      for (int32_t r = 0; r < rows; ++r) labels.at(0, r) = static_cast<int32_t>((r * 7919) % columns);
      Floats32 gradient = logits, untouched = logits;
      backend.cross_entropy(gradient.view(), labels.vector_view(), 0.25f, losses.vector_view());
      backend.cross_entropy(untouched.view(), labels.vector_view(), 0, only_losses.vector_view());
      EXPECT_TRUE(untouched.same_bits(logits));
      EXPECT_TRUE(gradient.guards_intact());
      for (int64_t r = 0; r < rows; ++r) {
        EXPECT_EQ(losses.at(0, r), only_losses.at(0, r));
        expect_row(logits, gradient, static_cast<double>(losses.at(0, r)), r, labels.at(0, r), 0.25);
      }
    }
  });
}

TEST(CrossEntropy, ExtremeLogits) {
  on_every_instruction_set([] {
    CpuBackend backend(nullptr, 1);
    Floats32 logits(3, 9000), losses(1, 3);
    logits.randomize(1);
    for (int64_t c = 0; c < 9000; ++c) {
      logits.at(1, c) =
          c < 5000 ? -std::numeric_limits<float>::infinity() : logits.at(1, c);  // whole blocks masked
      logits.at(2, c) = logits.at(2, c) * 1e4f;
    }
    logits.at(0, 8999) = 1e30f;
    logits.at(2, 77) = 6e4f;
    Ints32 labels(1, 3);
    labels.at(0, 0) = 8999;
    labels.at(0, 1) = 6000;
    labels.at(0, 2) = 77;
    Floats32 gradient = logits;
    backend.cross_entropy(gradient.view(), labels.vector_view(), 1, losses.vector_view());
    EXPECT_EQ(losses.at(0, 0), 0);
    for (int64_t r = 0; r < 3; ++r)
      expect_row(logits, gradient, static_cast<double>(losses.at(0, r)), r, labels.at(0, r), 1);
  });
}

TEST(CrossEntropy, UnlabelledRowsGiveNothing) {
  CpuBackend backend(nullptr, 1);
  Floats32 logits(2, 50), losses(1, 2);
  logits.randomize(1);
  losses.fill(9);
  Ints32 labels(1, 2);
  labels.at(0, 0) = -100;
  labels.at(0, 1) = 3;
  backend.cross_entropy(logits.view(), labels.vector_view(), 1, losses.vector_view());
  EXPECT_EQ(losses.at(0, 0), 0);
  for (int64_t c = 0; c < 50; ++c) EXPECT_EQ(logits.at(0, c), 0);
  EXPECT_NE(losses.at(0, 1), 0);
}

TEST(CrossEntropy, NanIsSeen) {
  on_every_instruction_set([] {
    CpuBackend backend(nullptr, 1);
    for (const float bad :
         {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
      for (const int64_t place : {0, 31, 4999}) {
        Floats32 logits(1, 5000), losses(1, 1);
        logits.randomize(1);
        logits.at(0, place) = bad;
        Ints32 labels(1, 1);
        labels.at(0, 0) = 7;
        backend.cross_entropy(logits.view(), labels.vector_view(), 0, losses.vector_view());
        EXPECT_FALSE(std::isfinite(losses.at(0, 0))) << place;
      }
    }
  });
}

TEST(CrossEntropy, BitsDoNotDependOnThreads) {
  Floats32 start(37, 5001);
  start.randomize(1, 3);
  Ints32 labels(1, 37);
  expect_independent_of_threads([&](CpuBackend& backend) {
    Floats32 logits = start, losses(1, 37);
    backend.cross_entropy(logits.view(), labels.vector_view(), 1, losses.vector_view());
    return logits;
  });
}

}  // namespace
}  // namespace peft::testing
