#include <cmath>

#include "cuda/activation_types.h"
#include "cuda/device_matrix.h"
#include "support/reference.h"

namespace peft {
namespace {

class DropoutKernel : public DeviceTest {};
INSTANTIATE_TEST_SUITE_P(Devices, DropoutKernel, every_device());

DropoutOptions some_options(float probability) {
  DropoutOptions options;
  options.probability = probability;
  options.module = 17;
  options.step = 4000000000u;
  options.seed = 0x0123456789ABCDEFull;
  return options;
}

// Bits, not only masks: the same product and sum on every device; of bf16 the same rounded.
TEST_P(DropoutKernel, DropsByTheCounters) {
  with_activation_types(*context, [&]<typename T>(T) {
    using Matrix = DeviceMatrix<T>;
    for (const float probability : {0.0f, 0.05f, 0.5f, 0.9999999f, 1.0f}) {
      const DropoutOptions options = some_options(probability);
      const float factor = probability < 1 ? 1.0f / (1.0f - probability) : 0.0f;
      for (const auto& [rows, columns] :
           {std::pair<int64_t, int64_t>{3, 3001}, {1, 1}, {40, 37}, {5, 64}, {300, 2}}) {
        for (const Placement place : placements) {
          Matrix x(*context, rows, columns, place), y(*context, rows, columns, place),
              sum(*context, rows, columns, {8, 0});
          IndexMatrix ids(*context, rows, 2, {1, 0});
          x.randomize(1);
          sum.fill(2);
          for (int32_t r = 0; r < rows; ++r) {
            ids.at(r, 0) = r * 1000 - 7;  // as bits
            ids.at(r, 1) = 2000000000 - r;
          }
          context->backend().dropout(options, x.view(), ids.view(), false, y.view());
          context->backend().dropout(options, x.view(), ids.view(), true, sum.view());
          for (int64_t r = 0; r < rows; ++r) {
            for (int64_t c = 0; c < columns; ++c) {
              const bool kept =
                  probability < 1 &&
                  reference::dropout_factor(options, ids.at(r, 0), ids.at(r, 1), static_cast<uint32_t>(c)) != 0;
              const float expected = kept ? x.at(r, c) * factor : 0.0f;
              ASSERT_EQ(y.at(r, c), stored<T>(expected))
                  << "probability " << probability << " row " << r << " column " << c;
              ASSERT_EQ(sum.at(r, c), stored<T>(2 + expected));
            }
          }
          ASSERT_TRUE(y.guards_intact() && sum.guards_intact());
        }
      }
    }
  });
}

TEST_P(DropoutKernel, InPlaceAndEmpty) {
  with_activation_types(*context, [&]<typename T>(T) {
    using Matrix = DeviceMatrix<T>;
    const DropoutOptions options = some_options(0.3f);
    Matrix x(*context, 9, 45, {3, 1}), y(*context, 9, 45), none(*context, 0, 45);
    IndexMatrix ids(*context, 9, 2);
    x.randomize(1);
    ids.randomize(2, 1000);
    context->backend().dropout(options, x.view(), ids.view(), false, y.view());
    context->backend().dropout(options, x.view(), ids.view(), false, x.view());
    context->backend().dropout(options, none.view(), ids.view().row_range(0, 0), false, none.view());
    EXPECT_TRUE(x.same_bits(y) && x.guards_intact() && none.guards_intact());
  });
}

}  // namespace
}  // namespace peft
