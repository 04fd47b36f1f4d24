#include "base/memory.h"

#include <algorithm>
#include <cstring>

#include "support/expect_error.h"

namespace peft {
namespace {

TEST(Memory, FiguresAreThere) {
  EXPECT_GT(current_resident_bytes(), 1 << 20);
  EXPECT_GE(peak_resident_bytes(), current_resident_bytes() / 2);
  EXPECT_GT(available_memory_bytes(), 1 << 20);
}

TEST(Memory, BlocksAreZeroAlignedAndWritable) {
  for (const int64_t bytes :
       {0ll, 1ll, 63ll, 64ll, 65ll, 4096ll, (4ll << 20) - 1, 4ll << 20, (4ll << 20) + 1, 9ll << 20}) {
    char* block = static_cast<char*>(allocate_block(bytes));
    ASSERT_NE(block, nullptr);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(block) % (bytes >= (4 << 20) ? (2 << 20) : 64), 0u) << bytes;
    EXPECT_TRUE(std::all_of(block, block + bytes, [](char c) { return c == 0; })) << bytes;
    std::memset(block, 0x5a, static_cast<size_t>(bytes));
    free_block(block, bytes);
  }
  free_block(nullptr, 5);
}

TEST(Memory, LargeBlocksGoBackToTheSystem) {
  constexpr int64_t bytes = 64 << 20;
  const int64_t before = current_resident_bytes();
  void* block = allocate_block(bytes);
  std::memset(block, 1, bytes);
  EXPECT_GT(current_resident_bytes(), before + bytes / 2);
  free_block(block, bytes);
  EXPECT_LT(current_resident_bytes(), before + bytes / 2);
}

TEST(Memory, WhatCannotBeHadIsAnErrorWithTheSize) {
  EXPECT_ERROR(Code::out_of_memory, "4611686018427387904 bytes", allocate_block(int64_t{1} << 62));
  EXPECT_ERROR(Code::out_of_memory, "cannot allocate", allocate_block(INT64_MAX));
  EXPECT_ERROR(Code::internal, "bytes >= 0", allocate_block(-1));
}

}  // namespace
}  // namespace peft
