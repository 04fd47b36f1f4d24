#include "ops/dropout.h"

#include "support/gradient_check.h"
#include "support/reference.h"

namespace peft {
namespace {

class Dropout : public GradientTest {
 protected:
  RowDropout make(const std::vector<int32_t>& ids, float probability) {
    RowDropout dropout;
    dropout.options = {.probability = probability, .module = 4, .step = 11, .seed = 0xfedcba9876543210ull};
    dropout.row_ids =
        context->from_host(std::span<const int32_t>(ids), {static_cast<int64_t>(ids.size() / 2), 2});
    return dropout;
  }
};
INSTANTIATE_TEST_SUITE_P(Devices, Dropout, every_device());

TEST_P(Dropout, MaskComesFromTheCounters) {
  const std::vector<int32_t> ids = {0, 0, 0, 1, 5, 0};
  const RowDropout drop = make(ids, 0.3f);
  check_op({.inputs = {{{3, 13}}},
            .op = [&](Context& c, auto& in) { return dropout(c, in[0], drop); },
            .reference =
                [&](const auto& in) {
                  DoubleVector y = in[0];
                  for (size_t i = 0; i < y.size(); ++i) {
                    y[i] *= reference::dropout_factor(drop.options, ids[i / 13 * 2], ids[i / 13 * 2 + 1],
                                                      static_cast<uint32_t>(i % 13));
                  }
                  return y;
                }});
}

// A token's mask does not depend on where in the batch it stands.
TEST_P(Dropout, PackingChangesNoBit) {
  const std::vector<float> row = random_values(13);
  std::vector<float> twice = random_values(13);
  twice.insert(twice.end(), row.begin(), row.end());
  const auto alone =
      context->to_host(dropout(*context, context->from_host(row, {1, 13}), make({2, 6}, 0.5f)));
  const auto packed =
      context->to_host(dropout(*context, context->from_host(twice, {2, 13}), make({1, 3, 2, 6}, 0.5f)));
  EXPECT_TRUE(std::equal(alone.begin(), alone.end(), packed.begin() + 13));
}

TEST_P(Dropout, KeepsTheExpectedShare) {
  std::vector<int32_t> ids;
  for (int32_t i = 0; i < 200; ++i) ids.insert(ids.end(), {i, i});
  const auto y = context->to_host(dropout(
      *context, context->from_host(std::vector<float>(200 * 100, 1.0f), {200, 100}), make(ids, 0.25f)));
  const auto kept =
      static_cast<double>(std::count_if(y.begin(), y.end(), [](float v) { return v != 0; })) / 20000;
  EXPECT_NEAR(kept, 0.75, 0.0125);  // four standard deviations
}

TEST_P(Dropout, InactiveIsTheInputItself) {
  const Tensor x = random_tensor({3, 13});
  EXPECT_EQ(dropout(*context, x, RowDropout()).storage(), x.storage());
}

TEST_P(Dropout, ProbabilityAndRowsAreChecked) {
  const Tensor x = random_tensor({3, 13});
  EXPECT_THROW(dropout(*context, x, make({0, 0, 0, 1, 0, 2}, 1.0f)), Error);
  EXPECT_THROW(dropout(*context, x, make({0, 0, 0, 1, 0, 2}, -0.5f)), Error);
  EXPECT_THROW(dropout(*context, x, make({0, 0}, 0.5f)), Error);
}

}  // namespace
}  // namespace peft
