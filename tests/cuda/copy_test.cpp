#include <bit>
#include <cmath>
#include <limits>

#include "base/half.h"
#include "cuda/activation_types.h"
#include "cuda/device_matrix.h"

namespace peft {
namespace {

class CopyKernel : public DeviceTest {
 protected:
  template <typename T>
  void check_move(DType dtype) {
    for (const auto& [rows, columns] :
         {std::pair<int64_t, int64_t>{5, 64}, {7, 37}, {1, 3001}, {129, 1}, {300, 2}}) {
      for (const Placement from : placements) {
        for (const Placement to : {Placement{0, 0}, Placement{8, 0}, Placement{1, 3}}) {
          DeviceMatrix<T> x(*context, rows, columns, from, dtype), y(*context, rows, columns, to, dtype);
          x.randomize(1, 100);
          context->backend().copy(x.view(), y.view());
          ASSERT_TRUE(x.same_bits(y)) << name_of(dtype) << " " << rows << " x " << columns;
          ASSERT_TRUE(y.guards_intact());
        }
      }
    }
  }
  template <typename T>
  void check_zero(DType dtype) {
    for (const int64_t columns : {1, 8, 37, 3001}) {
      for (const Placement place : placements) {
        DeviceMatrix<T> y(*context, 3, columns, place, dtype);
        y.fill(T{7});
        context->backend().fill(y.view(), 0);
        for (int64_t r = 0; r < 3; ++r)
          for (int64_t c = 0; c < columns; ++c) ASSERT_EQ(y.at(r, c), T{0}) << name_of(dtype);
        ASSERT_TRUE(y.guards_intact());
      }
    }
  }
};
INSTANTIATE_TEST_SUITE_P(Devices, CopyKernel, every_device());

TEST_P(CopyKernel, EqualTypesKeepTheirBytes) {
  check_move<float>(DType::f32);
  check_move<int32_t>(DType::i32);
  check_move<int64_t>(DType::i64);
  check_move<uint16_t>(DType::f16);
  check_move<uint16_t>(DType::bf16);
  check_move<uint8_t>(DType::u8);
}

TEST_P(CopyKernel, FillsOnlyItsElements) {
  check_zero<float>(DType::f32);
  check_zero<int32_t>(DType::i32);
  check_zero<int64_t>(DType::i64);
  check_zero<uint16_t>(DType::bf16);
  check_zero<uint8_t>(DType::u8);
  for (const Placement place : placements) {
    FloatMatrix y(*context, 4, 75, place);
    context->backend().fill(y.view(), -0.0f);
    EXPECT_TRUE(std::signbit(y.at(3, 74)));
    context->backend().fill(y.view(), 2.5f);
    for (int64_t r = 0; r < 4; ++r)
      for (int64_t c = 0; c < 75; ++c) ASSERT_EQ(y.at(r, c), 2.5f);
    EXPECT_TRUE(y.guards_intact());
  }
}

TEST_P(CopyKernel, FillsActivations) {
  with_activation_types(*context, [&]<typename T>(T) {
    for (const Placement place : placements) {
      for (const float value : {2.5f, -0.0f, 0.1f, -1e38f, 1e-40f}) {
        DeviceMatrix<T> y(*context, 4, 75, place), expected(*context, 4, 75);
        expected.fill(value);
        context->backend().fill(y.view(), value);
        EXPECT_TRUE(y.same_bits(expected) && y.guards_intact()) << value;
      }
    }
  });
}

TEST_P(CopyKernel, EmptyViewsDoNothing) {
  FloatMatrix none(*context, 0, 16), narrow(*context, 3, 0, {2, 1}), other(*context, 3, 0, {2, 1});
  context->backend().fill(none.view(), 1);
  context->backend().fill(narrow.view(), 1);
  context->backend().copy(narrow.view(), other.view());
  context->backend().synchronize();
  EXPECT_TRUE(narrow.guards_intact() && other.guards_intact() && none.guards_intact());
}

std::vector<float> interesting_floats() {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  std::vector<float> values = {0.0f,      -0.0f,   1.0f,    -1.0f,    65504.0f, 65519.0f, 65520.0f,
                               -65536.0f, 1e38f,   3.4e38f, 1e-40f,   6e-8f,    3e-8f,    2.9e-8f,
                               3.1e-8f,   6.1e-5f, 6.0e-5f, infinity, -infinity};
  RandomStream random(1, 2);
  for (int i = 0; i < 2000; ++i)
    values.push_back(static_cast<float>(std::ldexp(random.normal(), i % 60 - 30)));
  for (uint32_t i = 0; i < 600; ++i) values.push_back(std::bit_cast<float>(0x3f800000u + (i << 12)));  // ties
  return values;
}

// The scalar conversions of base/half.h are held against exact arithmetic by tests/cpu/copy_test.cpp.
TEST_P(CopyKernel, RoundsToNearestEven) {
  const std::vector<float> values = interesting_floats();
  const auto count = static_cast<int64_t>(values.size());
  for (const Placement place : placements) {
    FloatMatrix x(*context, 1, count, place), from_half(*context, 1, count, place),
        from_brain(*context, 1, count);
    DeviceMatrix<uint16_t> half(*context, 1, count, place, DType::f16),
        brain(*context, 1, count, {}, DType::bf16);
    DeviceMatrix<uint16_t> half_of_brain(*context, 1, count, place, DType::f16),
        brain_of_half(*context, 1, count, place, DType::bf16);
    for (int64_t i = 0; i < count; ++i) x.at(0, i) = values[static_cast<size_t>(i)];
    Backend& backend = context->backend();
    backend.copy(x.view(), half.view());
    backend.copy(x.view(), brain.view());
    backend.copy(half.view(), from_half.view());
    backend.copy(brain.view(), from_brain.view());
    backend.copy(brain.view(), half_of_brain.view());
    backend.copy(half.view(), brain_of_half.view());
    for (int64_t i = 0; i < count; ++i) {
      const float value = values[static_cast<size_t>(i)];
      const uint16_t as_half = float_to_half(value), as_brain = float_to_bfloat16(value);
      ASSERT_EQ(half.at(0, i), as_half) << value;
      ASSERT_EQ(brain.at(0, i), as_brain) << value;
      ASSERT_EQ(from_half.at(0, i), half_to_float(as_half));
      ASSERT_EQ(from_brain.at(0, i), bfloat16_to_float(as_brain));
      ASSERT_EQ(half_of_brain.at(0, i), float_to_half(bfloat16_to_float(as_brain)));
      ASSERT_EQ(brain_of_half.at(0, i), float_to_bfloat16(half_to_float(as_half)));
    }
    EXPECT_TRUE(half.guards_intact() && from_half.guards_intact() && brain_of_half.guards_intact());
  }
}

TEST_P(CopyKernel, EveryHalfSurvives) {
  DeviceMatrix<uint16_t> all(*context, 256, 256, {}, DType::f16), back(*context, 256, 256, {}, DType::f16);
  FloatMatrix values(*context, 256, 256);
  for (int64_t r = 0; r < 256; ++r)
    for (int64_t c = 0; c < 256; ++c) all.at(r, c) = static_cast<uint16_t>(256 * r + c);
  context->backend().copy(all.view(), values.view());
  context->backend().copy(values.view(), back.view());
  for (int64_t r = 0; r < 256; ++r) {
    for (int64_t c = 0; c < 256; ++c) {
      const uint16_t bits = all.at(r, c);
      if ((bits & 0x7fff) > 0x7c00) {
        ASSERT_TRUE(std::isnan(values.at(r, c)));
        ASSERT_GT(back.at(r, c) & 0x7fff, 0x7c00);
      } else {
        ASSERT_EQ(values.at(r, c), half_to_float(bits));
        ASSERT_EQ(back.at(r, c), bits);
      }
    }
  }
}

}  // namespace
}  // namespace peft
