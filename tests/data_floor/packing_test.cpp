#include "data/packing.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "base/random.h"

namespace peft {
namespace {

std::vector<uint32_t> counted(size_t count) {
  std::vector<uint32_t> order(count);
  std::iota(order.begin(), order.end(), 0u);
  return order;
}

std::vector<std::vector<uint32_t>> lists_of(const Bins& bins) {
  std::vector<std::vector<uint32_t>> lists;
  for (int64_t b = 0; b < bins.count(); ++b)
    lists.emplace_back(bins.order.begin() + bins.bounds[static_cast<size_t>(b)],
                       bins.order.begin() + bins.bounds[static_cast<size_t>(b) + 1]);
  return lists;
}

using Lists = std::vector<std::vector<uint32_t>>;

TEST(PackInOrder, KeepsTheOrder) {
  const std::vector<int32_t> lengths = {3, 4, 5, 1, 2, 9, 20, 1};
  EXPECT_EQ(lists_of(pack_in_order(counted(8), lengths, 10)), (Lists{{0, 1}, {2, 3, 4}, {5}, {6}, {7}}));
  EXPECT_EQ(pack_in_order({}, lengths, 10).count(), 0);
}

TEST(PackTightly, PutsEachIntoTheFullestBinWithRoom) {
  const std::vector<int32_t> lengths = {3, 4, 6, 7, 5, 5};
  EXPECT_EQ(lists_of(pack_tightly(counted(6), lengths, 10)), (Lists{{3, 0}, {2, 1}, {4, 5}}));
  EXPECT_EQ(lists_of(pack_tightly(std::vector<uint32_t>{5, 4, 3, 2, 1, 0}, lengths, 10)),
            (Lists{{3, 0}, {2, 1}, {5, 4}}));
  EXPECT_EQ(pack_tightly({}, lengths, 10).count(), 0);
}

TEST(PackTightly, HoldsEveryDocumentOnceWithinTheCapacity) {
  RandomStream random(7, 1);
  for (int round = 0; round < 50; ++round) {
    const size_t count = 1 + random.below(200);
    std::vector<int32_t> lengths(count);
    for (int32_t& length : lengths) length = 1 + static_cast<int32_t>(random.below(70));
    std::vector<uint32_t> order = counted(count);
    const int64_t bins_of_first = pack_tightly(order, lengths, 64).count();
    std::reverse(order.begin(), order.end());
    const Bins bins = pack_tightly(order, lengths, 64);
    EXPECT_EQ(bins.count(), bins_of_first);  // the lengths alone decide
    std::vector<uint32_t> seen = bins.order;
    std::sort(seen.begin(), seen.end());
    EXPECT_EQ(seen, counted(count));
    int64_t total = 0;
    for (const auto& bin : lists_of(bins)) {
      int64_t size = 0;
      for (const uint32_t document : bin) size += lengths[document];
      EXPECT_TRUE(size <= 64 || bin.size() == 1);
      total += std::min<int64_t>(size, 64);
    }
    // Best fit leaves at most one bin half empty: less than twice what is needed (Johnson 1974).
    EXPECT_LT((bins.count() - 1) * 32, total);
  }
}

}  // namespace
}  // namespace peft
