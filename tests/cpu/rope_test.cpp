#include <cmath>

#include "support.h"

namespace peft::testing {
namespace {

Floats32 angle_table(int64_t positions, int64_t rotary_dim) {
  Floats32 table(positions, rotary_dim, 2);
  for (int64_t p = 0; p < positions; ++p)
    for (int64_t i = 0; i < rotary_dim / 2; ++i) {
      const double angle = static_cast<double>(p) *
                           std::pow(10000.0, -2.0 * static_cast<double>(i) / static_cast<double>(rotary_dim));
      table.at(p, i) = static_cast<float>(std::cos(angle));
      table.at(p, rotary_dim / 2 + i) = static_cast<float>(std::sin(angle));
    }
  return table;
}

TEST(Rope, RotatesPairsAndCopiesTheRest) {
  on_every_instruction_set([] {
    CpuBackend backend(nullptr, 2);
    const int32_t shapes[][3] = {{9, 64, 64}, {1, 2, 2}, {3, 20, 20}, {2, 80, 32}, {1, 256, 64}, {4, 10, 0}};
    for (const auto& [heads, head_dim, rotary_dim] : shapes) {
      RopeOptions options;
      options.heads = heads;
      options.head_dim = head_dim;
      options.rotary_dim = rotary_dim;
      const int64_t width = int64_t{heads} * head_dim;
      Floats32 x(11, width, 3), y(11, width, 1), table = angle_table(50, rotary_dim);
      Ints32 positions(11, 1);
      x.randomize(1);
      for (int32_t r = 0; r < 11; ++r) positions.at(r, 0) = 49 - 4 * r;
      backend.rope(options, x.view(), positions.vector_view(), table.view(), y.view());
      for (int64_t r = 0; r < 11; ++r)
        for (int64_t h = 0; h < heads; ++h)
          for (int64_t i = 0; i < head_dim; ++i) {
            const int64_t half = rotary_dim / 2, at = h * head_dim + i, p = positions.at(r, 0);
            double expected = static_cast<double>(x.at(r, at)), other = 0;
            if (i < rotary_dim) {
              const int64_t pair = i % half;
              other = static_cast<double>(x.at(r, h * head_dim + (i < half ? i + half : i - half)));
              expected = expected * static_cast<double>(table.at(p, pair)) +
                         (i < half ? -other : other) * static_cast<double>(table.at(p, half + pair));
            }
            ASSERT_TRUE(
                near(static_cast<double>(y.at(r, at)), expected, f32_epsilon,
                     2 * f32_epsilon * (std::abs(static_cast<double>(x.at(r, at))) + std::abs(other))));
          }
      EXPECT_TRUE(y.guards_intact());
      // In place, and back again.
      Floats32 z = x;
      backend.rope(options, z.view(), positions.vector_view(), table.view(), z.view());
      for (int64_t c = 0; c < width; ++c) ASSERT_EQ(z.at(10, c), y.at(10, c));
      options.inverse = true;
      backend.rope(options, z.view(), positions.vector_view(), table.view(), z.view());
      for (int64_t c = 0; c < width; ++c)
        ASSERT_TRUE(near(static_cast<double>(z.at(10, c)), static_cast<double>(x.at(10, c)), 0, 2e-6));
    }
  });
}

}  // namespace
}  // namespace peft::testing
