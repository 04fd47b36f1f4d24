#include <cmath>
#include <limits>

#include "support.h"

namespace peft::testing {
namespace {

TEST(Reduce, SumRowsAddsToWhatIsThere) {
  on_every_instruction_set([] {
    CpuBackend backend(nullptr, 2);
    for (const int64_t rows : {0, 1, 31, 33, 700}) {
      for (const int64_t columns : {1, 7, 128, 300}) {
        Floats32 x(rows, columns, 3), b(rows, columns, 1), y(1, columns), z(1, columns);
        x.randomize(1);
        b.randomize(2);
        y.fill(2);
        z.fill(-1);
        backend.sum_rows(x.view(), y.vector_view());
        backend.multiply_sum_rows(x.view(), b.view(), z.vector_view());
        for (int64_t c = 0; c < columns; ++c) {
          double sum = 2, products = -1, magnitude = 2;
          for (int64_t r = 0; r < rows; ++r) {
            const double value = static_cast<double>(x.at(r, c)), other = static_cast<double>(b.at(r, c));
            sum += value;
            products += value * other;
            magnitude += std::abs(value) * (1 + std::abs(other));
          }
          ASSERT_TRUE(near(static_cast<double>(y.at(0, c)), sum, f32_epsilon, 32 * f32_epsilon * magnitude));
          ASSERT_TRUE(
              near(static_cast<double>(z.at(0, c)), products, f32_epsilon, 32 * f32_epsilon * magnitude));
        }
        EXPECT_TRUE(y.guards_intact() && z.guards_intact());
      }
    }
  });
}

TEST(Reduce, LongSumsStayExact) {
  CpuBackend backend(nullptr, 2);
  Floats32 x(200000, 1), y(1, 1), z(1, 1);
  x.fill(0.1f);
  backend.sum_rows(x.view(), y.vector_view());
  EXPECT_TRUE(near(static_cast<double>(y.at(0, 0)), 200000 * static_cast<double>(0.1f), 1e-6, 0));
  backend.sum_squares(x.view(), z.vector_view());
  EXPECT_TRUE(near(static_cast<double>(z.at(0, 0)),
                   200000 * static_cast<double>(0.1f) * static_cast<double>(0.1f), 2 * f32_epsilon, 0));
}

TEST(Reduce, SumSquaresOfDenseAndStrided) {
  on_every_instruction_set([] {
    CpuBackend backend(nullptr, 2);
    for (const int64_t gap : {0, 5}) {
      Floats32 x(300, 173, gap), y(1, 1);
      x.randomize(1);
      y.fill(10);
      double expected = 10;
      for (int64_t r = 0; r < 300; ++r)
        for (int64_t c = 0; c < 173; ++c)
          expected += static_cast<double>(x.at(r, c)) * static_cast<double>(x.at(r, c));
      backend.sum_squares(x.view(), y.vector_view());
      EXPECT_TRUE(near(static_cast<double>(y.at(0, 0)), expected, 2 * f32_epsilon, 0));
    }
  });
}

TEST(Reduce, SumSquaresShowsWhatIsNotFinite) {
  on_every_instruction_set([] {
    CpuBackend backend(nullptr, 1);
    Floats32 x(3, 50), y(1, 1);
    x.at(2, 49) = std::numeric_limits<float>::quiet_NaN();
    backend.sum_squares(x.view(), y.vector_view());
    EXPECT_TRUE(std::isnan(y.at(0, 0)));
    x.at(2, 49) = -std::numeric_limits<float>::infinity();
    y.fill(0);
    backend.sum_squares(x.view(), y.vector_view());
    EXPECT_TRUE(std::isinf(y.at(0, 0)));
    x.fill(1e15f);  // squares near the end of f32, their sum still in it
    y.fill(0);
    backend.sum_squares(x.view(), y.vector_view());
    EXPECT_TRUE(near(static_cast<double>(y.at(0, 0)), 1.5e32, 1e-6, 0));
  });
}

TEST(Reduce, BitsDoNotDependOnThreads) {
  Floats32 x(900, 1000), b(900, 1000);
  x.randomize(1);
  b.randomize(2);
  expect_independent_of_threads([&](CpuBackend& backend) {
    Floats32 y(1, 1001);
    View sums = y.view().column_range(0, 1000), square = y.view().column_range(1000, 1);
    backend.multiply_sum_rows(x.view(), b.view(), sums);
    backend.sum_squares(x.view(), square);
    return y;
  });
}

}  // namespace
}  // namespace peft::testing
