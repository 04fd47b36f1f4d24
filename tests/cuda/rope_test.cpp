#include <cmath>

#include "cuda/activation_types.h"
#include "cuda/device_matrix.h"

namespace peft {
namespace {

class RopeKernel : public DeviceTest {
 protected:
  FloatMatrix angle_table(int64_t positions, int64_t rotary_dim, Placement place) {
    FloatMatrix table(*context, positions, rotary_dim, place);
    for (int64_t p = 0; p < positions; ++p) {
      for (int64_t i = 0; i < rotary_dim / 2; ++i) {
        const double angle = static_cast<double>(p) * std::pow(10000.0, -2.0 * static_cast<double>(i) /
                                                                            static_cast<double>(rotary_dim));
        table.at(p, i) = static_cast<float>(std::cos(angle));
        table.at(p, rotary_dim / 2 + i) = static_cast<float>(std::sin(angle));
      }
    }
    return table;
  }
};
INSTANTIATE_TEST_SUITE_P(Devices, RopeKernel, every_device());

TEST_P(RopeKernel, RotatesPairsAndCopiesTheRest) {
  with_activation_types(*context, [&]<typename T>(T) {
    using Matrix = DeviceMatrix<T>;
    const int32_t shapes[][3] = {{9, 64, 64},    {1, 2, 2},  {3, 20, 20}, {2, 80, 32}, {1, 256, 64},
                                 {32, 128, 128}, {4, 10, 0}, {5, 6, 2},   {2, 36, 12}};
    for (const auto& [heads, head_dim, rotary_dim] : shapes) {
      for (const Placement place : placements) {
        SCOPED_TRACE(std::to_string(heads) + " heads of " + std::to_string(head_dim) + ", " +
                     std::to_string(rotary_dim));
        RopeOptions options;
        options.heads = heads;
        options.head_dim = head_dim;
        options.rotary_dim = rotary_dim;
        const int64_t width = int64_t{heads} * head_dim, half = rotary_dim / 2;
        Matrix x(*context, 11, width, place), y(*context, 11, width, {8, 0}),
            back(*context, 11, width, place);
        FloatMatrix table = angle_table(50, rotary_dim, place);
        IndexMatrix positions(*context, 11, 1);
        x.randomize(1);
        for (int32_t r = 0; r < 11; ++r) positions.at(r, 0) = 49 - 4 * r;
        const auto expect_rotated = [&](const Matrix& from, const Matrix& to, double sign) {
          for (int64_t r = 0; r < 11; ++r) {
            for (int64_t column = 0; column < width; ++column) {
              const int64_t i = column % head_dim, p = positions.at(r, 0);
              const auto own = static_cast<double>(from.at(r, column));
              double expected = own, other = 0;
              if (i < rotary_dim) {
                const int64_t pair = i % half;
                other = static_cast<double>(from.at(r, i < half ? column + half : column - half));
                expected = own * static_cast<double>(table.at(p, pair)) +
                           (i < half ? -sign : sign) * other * static_cast<double>(table.at(p, half + pair));
              }
              ASSERT_TRUE(near_stored(to.at(r, column), expected, f32_epsilon,
                                      2 * f32_epsilon * (std::abs(own) + std::abs(other))));
            }
          }
        };
        context->backend().rope(options, x.view(), positions.vector_view(), table.view(), y.view());
        ASSERT_NO_FATAL_FAILURE(expect_rotated(x, y, 1));
        ASSERT_TRUE(y.guards_intact());
        // Back again, then in place.
        options.inverse = true;
        context->backend().rope(options, y.view(), positions.vector_view(), table.view(), back.view());
        ASSERT_NO_FATAL_FAILURE(expect_rotated(y, back, -1));
        options.inverse = false;
        context->backend().rope(options, x.view(), positions.vector_view(), table.view(), x.view());
        ASSERT_TRUE(x.same_bits(y) && x.guards_intact() && back.guards_intact());
      }
    }
  });
}

TEST_P(RopeKernel, NoRows) {
  with_activation_types(*context, [&]<typename T>(T) {
    using Matrix = DeviceMatrix<T>;
    RopeOptions options;
    options.heads = 2;
    options.head_dim = options.rotary_dim = 8;
    Matrix none(*context, 0, 16);
    FloatMatrix table = angle_table(4, 8, {});
    IndexMatrix positions(*context, 0, 1);
    context->backend().rope(options, none.view(), positions.vector_view(), table.view(), none.view());
    EXPECT_TRUE(none.guards_intact());
  });
}

}  // namespace
}  // namespace peft
