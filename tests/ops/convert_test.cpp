#include "ops/convert.h"

#include <bit>

#include "support/gradient_check.h"

namespace peft {
namespace {

class Convert : public GradientTest {};
INSTANTIATE_TEST_SUITE_P(Devices, Convert, every_device());

TEST_P(Convert, BfloatRoundsToNearestEven) {
  std::vector<float> values = random_values(100);
  values.push_back(std::bit_cast<float>(0x3f808000u));  // a tie, down to even
  values.push_back(std::bit_cast<float>(0x3f818000u));  // a tie, up to even
  const auto found = context->to_host(
      dequantized(*context, to_dtype(*context, context->from_host(values, {102}), DType::bf16)));
  for (size_t i = 0; i < values.size(); ++i) {
    const auto bits = std::bit_cast<uint32_t>(values[i]);
    const uint32_t rounded = (bits + 0x7fffu + (bits >> 16 & 1)) & 0xffff0000u;
    EXPECT_EQ(std::bit_cast<uint32_t>(found[i]), rounded) << values[i];
  }
}

TEST_P(Convert, Nf4KeepsEveryBlocksMaximum) {
  const std::vector<float> values = random_values(64 * 6);
  const Tensor coded = quantized_nf4(*context, context->from_host(values, {6, 64}), DType::nf4);
  const auto found = context->to_host(dequantized(*context, coded));
  for (size_t block = 0; block < 6; ++block) {
    float largest = 0, coded_largest = 0;
    for (size_t i = 0; i < 64; ++i) {
      largest = std::max(largest, std::abs(values[block * 64 + i]));
      coded_largest = std::max(coded_largest, std::abs(found[block * 64 + i]));
      EXPECT_NEAR(found[block * 64 + i], values[block * 64 + i],
                  0.16 * 1.0);  // half the widest gap of the code
    }
    EXPECT_FLOAT_EQ(coded_largest, largest);
  }
}

TEST_P(Convert, WhatCannotBeConvertedIsSaid) {
  const Tensor coded = quantized_nf4(*context, random_tensor({2, 64}), DType::nf4);
  EXPECT_THROW(to_dtype(*context, coded, DType::f16), Error);
  EXPECT_THROW(to_dtype(*context, random_tensor({2, 64}), DType::q8_0), Error);
  EXPECT_THROW(quantized_nf4(*context, coded, DType::nf4), Error);
  EXPECT_THROW(quantized_nf4(*context, random_tensor({2, 64}), DType::q4_0), Error);
}

}  // namespace
}  // namespace peft
