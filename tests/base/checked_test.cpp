#include "base/checked.h"

#include <cstdint>

#include "support/expect_error.h"

namespace peft {
namespace {

TEST(Checked, AddsAndMultipliesUpToTheBound) {
  EXPECT_EQ(checked_add<uint64_t>(UINT64_MAX - 1, 1), UINT64_MAX);
  EXPECT_EQ(checked_multiply<int64_t>(INT64_MAX / 3, 3), INT64_MAX / 3 * 3);
  EXPECT_EQ(checked_multiply<int64_t>(INT64_MIN, 1), INT64_MIN);
}

TEST(Checked, OverflowIsAnErrorThatNamesTheQuantity) {
  EXPECT_ERROR(Code::format, "header size overflows", checked_add<uint64_t>(UINT64_MAX, 1, "header size"));
  EXPECT_ERROR(Code::format, "overflows", checked_add<int64_t>(INT64_MIN, -1));
  EXPECT_ERROR(Code::format, "overflows", checked_multiply<uint64_t>(uint64_t{1} << 32, uint64_t{1} << 32));
  EXPECT_ERROR(Code::format, "overflows", checked_multiply<int64_t>(INT64_MIN, -1));
}

TEST(Checked, CastKeepsTheValueOrFails) {
  EXPECT_EQ((checked_cast<int8_t, int64_t>(-128)), -128);
  EXPECT_EQ((checked_cast<uint64_t, int32_t>(7)), 7u);
  EXPECT_ERROR(Code::format, "out of range: -1", checked_cast<uint64_t>(-1));
  EXPECT_ERROR(Code::format, "out of range", checked_cast<int64_t>(UINT64_MAX));
  EXPECT_ERROR(Code::format, "out of range: 128", checked_cast<int8_t>(128));
}

TEST(Checked, Rounds) {
  EXPECT_EQ(round_up(0, 64), 0);
  EXPECT_EQ(round_up(1, 64), 64);
  EXPECT_EQ(round_up(64, 64), 64);
  EXPECT_EQ(divide_up(0, 3), 0);
  EXPECT_EQ(divide_up(7, 3), 3);
}

}  // namespace
}  // namespace peft
