#include "cpu/ordered_mean.h"

#include "cpu/support.h"

namespace peft::testing {
namespace {

TEST(OrderedMean, ErrorsStaySmallAtEveryLength) {
  RandomStream random(3, 1);
  for (size_t count : {1u, 2u, 5u, 7u, 8u, 9u, 31u, 32u, 100u, 1000u, 4097u, 70000u}) {
    std::vector<float> values(count);
    double sum = 0;
    for (float& value : values) {
      value = std::abs(static_cast<float>(random.normal())) + 0.1f;
      sum += static_cast<double>(value);
    }
    const double mean = sum / static_cast<double>(count);
    // Chains are at most 16 + 4 + 4 + 8 + 3 additions long up to the carries.
    EXPECT_NEAR(ordered_mean(values), mean, mean * 64 * f32_epsilon) << count;
  }
}

// torch.tensor([1, 2^-24, 2^-24, 2^-24, 2^-24]).sum() on a CPU: the fifth value joins the first column before
// the others do.
TEST(OrderedMean, OrderIsThatOfTorch) {
  const float tiny = 0x1p-24f;
  const float values[5] = {1.0f, tiny, tiny, tiny, tiny};
  EXPECT_EQ(ordered_mean(values), 1.0f / 5.0f);
  const float other[5] = {tiny, 1.0f, tiny, tiny, tiny};
  EXPECT_EQ(ordered_mean(other), (1.0f + 0x1p-22f) / 5.0f);  // 2^-23 meets 1, then two ties
}

}  // namespace
}  // namespace peft::testing
