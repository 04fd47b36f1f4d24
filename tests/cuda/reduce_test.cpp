#include <cmath>
#include <limits>

#include "cuda/activation_types.h"
#include "cuda/device_matrix.h"

namespace peft {
namespace {

class ReduceKernel : public DeviceTest {};
INSTANTIATE_TEST_SUITE_P(Devices, ReduceKernel, every_device());

TEST_P(ReduceKernel, SumsOfColumnsAddToWhatIsThere) {
  with_activation_types(*context, [&]<typename T>(T) {
    using Matrix = DeviceMatrix<T>;
    for (const int64_t rows : {0, 1, 31, 33, 700}) {
      for (const int64_t columns : {1, 2, 7, 8, 31, 300, 4096, 4097, 4098}) {
        const Placement place = placements[(rows + columns) % 4];
        Matrix x(*context, rows, columns, place), b(*context, rows, columns, {rows % 2, 0});
        FloatMatrix y(*context, 1, columns, {0, 1}), z(*context, 1, columns);
        x.randomize(1);
        b.randomize(2);
        y.fill(2);
        z.fill(-1);
        context->backend().sum_rows(x.view(), y.vector_view());
        context->backend().multiply_sum_rows(x.view(), b.view(), z.vector_view());
        for (int64_t c = 0; c < columns; ++c) {
          double sum = 2, products = -1, magnitude = 2;
          for (int64_t r = 0; r < rows; ++r) {
            const auto value = static_cast<double>(x.at(r, c)), other = static_cast<double>(b.at(r, c));
            sum += value;
            products += value * other;
            magnitude += std::abs(value) * (1 + std::abs(other));
          }
          // what is f32 spans 32 rows at most
          ASSERT_TRUE(near(y.at(0, c), sum, f32_epsilon, 32 * f32_epsilon * magnitude))
              << rows << " x " << columns;
          ASSERT_TRUE(near(z.at(0, c), products, f32_epsilon, 32 * f32_epsilon * magnitude))
              << rows << " x " << columns;
        }
        ASSERT_TRUE(y.guards_intact() && z.guards_intact());
      }
    }
  });
}

TEST_P(ReduceKernel, LongSumsStayExact) {
  FloatMatrix x(*context, 200000, 1), y(*context, 1, 1), z(*context, 1, 1);
  x.fill(0.1f);
  const auto value = static_cast<double>(0.1f);
  context->backend().sum_rows(x.view(), y.vector_view());
  EXPECT_TRUE(near(y.at(0, 0), 200000 * value, 1e-6, 0));
  context->backend().sum_squares(x.view(), z.vector_view());
  EXPECT_TRUE(near(z.at(0, 0), 200000 * value * value, 2 * f32_epsilon, 0));
}

TEST_P(ReduceKernel, SumSquaresOfDenseAndStrided) {
  for (const auto& [rows, columns] :
       {std::pair<int64_t, int64_t>{300, 173}, {1, 3001}, {1, 1}, {2000, 16}, {5000, 1}, {3, 20000}, {5, 16385}}) {
    for (const Placement place : placements) {
      FloatMatrix x(*context, rows, columns, place), y(*context, 1, 1);
      x.randomize(1);
      y.fill(10);
      double expected = 10;
      for (int64_t r = 0; r < rows; ++r)
        for (int64_t c = 0; c < columns; ++c)
          expected += static_cast<double>(x.at(r, c)) * static_cast<double>(x.at(r, c));
      context->backend().sum_squares(x.view(), y.vector_view());
      ASSERT_TRUE(near(y.at(0, 0), expected, 2 * f32_epsilon, 0)) << rows << " x " << columns;
      ASSERT_TRUE(y.guards_intact());
    }
  }
  FloatMatrix none(*context, 0, 5), y(*context, 1, 1);
  y.fill(4);
  context->backend().sum_squares(none.view(), y.vector_view());
  EXPECT_EQ(y.at(0, 0), 4);
}

TEST_P(ReduceKernel, SumSquaresShowsWhatIsNotFinite) {
  FloatMatrix x(*context, 3, 50), y(*context, 1, 1);
  x.at(2, 49) = std::numeric_limits<float>::quiet_NaN();
  context->backend().sum_squares(x.view(), y.vector_view());
  EXPECT_TRUE(std::isnan(y.at(0, 0)));
  x.at(2, 49) = -std::numeric_limits<float>::infinity();
  y.fill(0);
  context->backend().sum_squares(x.view(), y.vector_view());
  EXPECT_TRUE(std::isinf(y.at(0, 0)));
  x.fill(1e15f);  // squares near the end of f32, their sum still in it
  y.fill(0);
  context->backend().sum_squares(x.view(), y.vector_view());
  EXPECT_TRUE(near(y.at(0, 0), 1.5e32, 1e-6, 0));
}

TEST_P(ReduceKernel, SameBitsEveryTime) {
  FloatMatrix x(*context, 900, 530, {2, 0}), b(*context, 900, 530);
  x.randomize(1);
  b.randomize(2);
  const auto sums = [&] {
    FloatMatrix y(*context, 2, 530);
    context->backend().multiply_sum_rows(x.view(), b.view(), y.view().row_range(0, 1));
    context->backend().sum_squares(x.view(), y.view().row_range(1, 1).column_range(0, 1));
    return y;
  };
  const FloatMatrix first = sums();
  for (int turn = 0; turn < 3; ++turn) EXPECT_TRUE(first.same_bits(sums()));
}

}  // namespace
}  // namespace peft
