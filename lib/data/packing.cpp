#include "data/packing.h"

#include <algorithm>
#include <map>

#include "base/error.h"

namespace peft {

Bins pack_in_order(std::span<const uint32_t> order, std::span<const int32_t> lengths, int64_t capacity) {
  Bins bins;
  bins.order.assign(order.begin(), order.end());
  int64_t filled = 0;
  for (size_t i = 0; i < order.size(); ++i) {
    const int64_t length = lengths[order[i]];
    if (i > 0 && length > capacity - filled) {
      bins.bounds.push_back(static_cast<int64_t>(i));
      filled = 0;
    }
    filled += length;
  }
  if (!order.empty()) bins.bounds.push_back(static_cast<int64_t>(order.size()));
  return bins;
}

Bins pack_tightly(std::span<const uint32_t> order, std::span<const int32_t> lengths, int64_t capacity) {
  std::vector<uint32_t> sorted(order.begin(), order.end());
  std::stable_sort(sorted.begin(), sorted.end(),
                   [&](uint32_t a, uint32_t b) { return lengths[a] > lengths[b]; });

  std::vector<uint32_t> bin_of(sorted.size());
  std::vector<int64_t> sizes;                     // documents of each bin
  std::map<int64_t, std::vector<uint32_t>> open;  // room -> bins that have it
  for (size_t i = 0; i < sorted.size(); ++i) {
    const int64_t length = lengths[sorted[i]];
    const auto fit = open.lower_bound(length);
    int64_t room = capacity - length;
    uint32_t bin;
    if (fit == open.end()) {
      bin = static_cast<uint32_t>(sizes.size());
      sizes.push_back(0);
    } else {
      bin = fit->second.back();
      room = fit->first - length;
      fit->second.pop_back();
      if (fit->second.empty()) open.erase(fit);
    }
    if (room > 0) open[room].push_back(bin);
    bin_of[i] = bin;
    ++sizes[bin];
  }

  Bins bins;
  for (const int64_t size : sizes) bins.bounds.push_back(bins.bounds.back() + size);
  std::vector<int64_t> next(bins.bounds.begin(), bins.bounds.end() - 1);
  bins.order.resize(sorted.size());
  for (size_t i = 0; i < sorted.size(); ++i) bins.order[static_cast<size_t>(next[bin_of[i]]++)] = sorted[i];
  return bins;
}

}  // namespace peft
