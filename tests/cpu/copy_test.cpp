#include <cmath>
#include <limits>

#include "cpu/convert.h"
#include "base/half.h"
#include "cpu/support.h"

namespace peft::testing {
namespace {

// Round to nearest even onto a grid of 2^-shift relative steps, in exact arithmetic.
double round_to_bits(double value, int mantissa_bits, int least_exponent) {
  if (value == 0 || !std::isfinite(value)) return value;
  int exponent = 0;
  std::frexp(value, &exponent);
  const double step = std::ldexp(1.0, std::max(exponent - mantissa_bits, least_exponent));
  return std::nearbyint(value / step) * step;
}

std::vector<float> interesting_floats() {
  std::vector<float> values = {0.0f,
                               -0.0f,
                               1.0f,
                               -1.0f,
                               65504.0f,
                               65519.0f,
                               65520.0f,
                               -65536.0f,
                               1e38f,
                               3.4e38f,
                               1e-40f,
                               6e-8f,
                               2.9e-8f,
                               3.1e-8f,
                               6.1e-5f,
                               6.0e-5f,
                               std::numeric_limits<float>::infinity(),
                               -std::numeric_limits<float>::infinity()};
  RandomStream random(1, 2);
  for (int i = 0; i < 4000; ++i)
    values.push_back(static_cast<float>(std::ldexp(random.normal(), i % 60 - 30)));
  for (uint32_t i = 0; i < 600; ++i) values.push_back(std::bit_cast<float>(0x3f800000u + (i << 12)));  // ties
  return values;
}

TEST(Copy, HalvesRoundToNearestEven) {
  const auto values = interesting_floats();
  on_every_instruction_set([&] {
    std::vector<uint16_t> halves(values.size());
    convert_float_to_half(values.data(), halves.data(), static_cast<int64_t>(values.size()));
    std::vector<float> back(values.size());
    convert_half_to_float(halves.data(), back.data(), static_cast<int64_t>(values.size()));
    for (size_t i = 0; i < values.size(); ++i) {
      double expected = round_to_bits(values[i], 11, -24);
      if (std::abs(expected) > 65504) expected = std::copysign(INFINITY, expected);
      ASSERT_EQ(back[i], expected) << values[i];
      ASSERT_EQ(halves[i], float_to_half(values[i])) << values[i];
    }
  });
}

TEST(Copy, BfloatsRoundToNearestEven) {
  const auto values = interesting_floats();
  on_every_instruction_set([&] {
    std::vector<uint16_t> rounded(values.size());
    convert_float_to_bfloat16(values.data(), rounded.data(), static_cast<int64_t>(values.size()));
    std::vector<float> back(values.size()), in_place = values;
    convert_bfloat16_to_float(rounded.data(), back.data(), static_cast<int64_t>(values.size()));
    round_float_to_bfloat16(in_place.data(), in_place.data(), static_cast<int64_t>(values.size()));
    for (size_t i = 0; i < values.size(); ++i) {
      double expected = round_to_bits(values[i], 8, -133);
      if (std::abs(expected) > 3.3961e38) expected = std::copysign(INFINITY, expected);
      ASSERT_EQ(back[i], expected) << values[i];
      ASSERT_EQ(in_place[i], back[i]);
    }
  });
}

TEST(Copy, EveryHalfSurvives) {
  std::vector<uint16_t> all(65536), back(65536);
  for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<uint16_t>(i);
  on_every_instruction_set([&] {
    std::vector<float> values(all.size());
    convert_half_to_float(all.data(), values.data(), 65536);
    convert_float_to_half(values.data(), back.data(), 65536);
    for (size_t i = 0; i < all.size(); ++i) {
      if ((i & 0x7fff) > 0x7c00) {
        ASSERT_TRUE(std::isnan(values[i]));
        ASSERT_GT(back[i] & 0x7fff, 0x7c00);
      } else {
        ASSERT_EQ(back[i], all[i]);
        ASSERT_EQ(values[i], half_to_float(all[i]));
      }
    }
  });
}

TEST(Copy, ConvertsStridedViewsBetweenAllFloatTypes) {
  CpuBackend backend(nullptr, 2);
  Floats32 x(37, 53, 3), y(37, 53, 7);
  x.randomize(4);
  std::vector<uint16_t> half(37 * 60), brain(37 * 53);
  const auto view_of = [](std::vector<uint16_t>& data, int64_t stride, DType dtype) {
    View view;
    view.data = reinterpret_cast<std::byte*>(data.data());
    view.shape = Shape{37, 53};
    view.row_stride = stride;
    view.dtype = dtype;
    return view;
  };
  backend.copy(x.view(), view_of(half, 60, DType::f16));
  backend.copy(view_of(half, 60, DType::f16), view_of(brain, 53, DType::bf16));
  backend.copy(view_of(brain, 53, DType::bf16), y.view());
  for (int64_t r = 0; r < 37; ++r) {
    for (int64_t c = 0; c < 53; ++c) {
      ASSERT_EQ(y.at(r, c), bfloat16_to_float(float_to_bfloat16(half_to_float(float_to_half(x.at(r, c))))));
    }
  }
  EXPECT_TRUE(y.guards_intact());
}

TEST(Copy, EqualTypesKeepTheirBytes) {
  CpuBackend backend(nullptr, 2);
  Ints32 x(9, 11, 2), y(9, 11);
  x.randomize(8, 1000);
  backend.copy(x.view(), y.view());
  for (int64_t r = 0; r < 9; ++r) {
    for (int64_t c = 0; c < 11; ++c) EXPECT_EQ(y.at(r, c), x.at(r, c));
  }
}

}  // namespace
}  // namespace peft::testing
