#include <cmath>

#include "support.h"

namespace peft::testing {
namespace {

bool kept(const DropoutOptions& options, int32_t row, int32_t position, int64_t column) {
  const auto words = Philox::generate(
      ((options.seed >> 32) << 32) | (static_cast<uint32_t>(options.seed) ^ (options.module * 0x9E3779B9u)),
      uint64_t{options.step} << 32 | static_cast<uint32_t>(row),
      uint64_t{static_cast<uint32_t>(position)} << 32 | static_cast<uint32_t>(column / 4));
  return uniform_from_bits(words[static_cast<size_t>(column % 4)]) >= options.probability;
}

DropoutOptions some_options(float probability) {
  DropoutOptions options;
  options.probability = probability;
  options.module = 17;
  options.step = 4000000000u;
  options.seed = 0x0123456789ABCDEFull;
  return options;
}

TEST(Dropout, MaskIsThatOfTheCounters) {
  on_every_instruction_set([] {
    CpuBackend backend(nullptr, 2);
    for (const int64_t columns : {1, 3, 4, 31, 32, 100, 577}) {
      Floats32 x(9, columns, 2), y(9, columns, 1), sum(9, columns);
      Ints32 ids(9, 2);
      x.randomize(3);
      sum.fill(5);
      for (int32_t r = 0; r < 9; ++r) {
        ids.at(r, 0) = r / 3;
        ids.at(r, 1) = 1000 * r;
      }
      const DropoutOptions options = some_options(0.3f);
      backend.dropout(options, x.view(), ids.view(), false, y.view());
      backend.dropout(options, x.view(), ids.view(), true, sum.view());
      for (int64_t r = 0; r < 9; ++r)
        for (int64_t c = 0; c < columns; ++c) {
          const bool keep = kept(options, ids.at(r, 0), ids.at(r, 1), c);
          const double expected =
              keep ? static_cast<double>(x.at(r, c)) / (1.0 - static_cast<double>(0.3f)) : 0;
          ASSERT_TRUE(near(static_cast<double>(y.at(r, c)), expected, 3 * f32_epsilon, 0)) << r << " " << c;
          ASSERT_TRUE(near(static_cast<double>(sum.at(r, c)), 5 + expected, 3 * f32_epsilon, 1e-6));
        }
      EXPECT_TRUE(y.guards_intact());
    }
  });
}

TEST(Dropout, ZeroKeepsAllAndOneDropsAll) {
  CpuBackend backend(nullptr, 1);
  Floats32 x(4, 100), y(4, 100);
  Ints32 ids(4, 2);
  x.randomize(1);
  backend.dropout(some_options(0), x.view(), ids.view(), false, y.view());
  EXPECT_TRUE(y.same_bits(x));
  backend.dropout(some_options(1), x.view(), ids.view(), false, y.view());
  for (int64_t c = 0; c < 100; ++c) EXPECT_EQ(y.at(3, c), 0);
}

TEST(Dropout, ShareOfDroppedElements) {
  CpuBackend backend(nullptr, 2);
  Floats32 x(400, 1000), y(400, 1000);
  Ints32 ids(400, 2);
  x.fill(1);
  for (int32_t r = 0; r < 400; ++r) ids.at(r, 1) = r;
  backend.dropout(some_options(0.1f), x.view(), ids.view(), false, y.view());
  int64_t dropped = 0;
  for (int64_t r = 0; r < 400; ++r)
    for (int64_t c = 0; c < 1000; ++c) dropped += y.at(r, c) == 0;
  EXPECT_NEAR(static_cast<double>(dropped) / 400000, 0.1, 5 * std::sqrt(0.09 / 400000));
}

TEST(Dropout, BitsDoNotDependOnThreads) {
  Floats32 x(200, 576);
  Ints32 ids(200, 2);
  x.randomize(1);
  for (int32_t r = 0; r < 200; ++r) ids.at(r, 1) = r;
  expect_independent_of_threads([&](CpuBackend& backend) {
    Floats32 y(200, 576);
    backend.dropout(some_options(0.5f), x.view(), ids.view(), false, y.view());
    return y;
  });
}

}  // namespace
}  // namespace peft::testing
