// Putting short documents into sequences of a given length. Attention stays apart: a bin is a list of
// documents.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace peft {

// Documents of bin b: order[bounds[b]] to order[bounds[b + 1] - 1].
struct Bins {
  std::vector<uint32_t> order;
  std::vector<int64_t> bounds{0};
  int64_t count() const { return static_cast<int64_t>(bounds.size()) - 1; }
};

// lengths[d] tokens for document d, all > 0; `order` holds the documents to pack. A document longer than
// `capacity` gets a bin of its own; no other bin holds more than `capacity` tokens.

// Fills one bin after the other and keeps the order.
Bins pack_in_order(std::span<const uint32_t> order, std::span<const int32_t> lengths, int64_t capacity);

// Best fit decreasing: the longest document first, each into the fullest bin that has room. Documents of
// equal length go in the order given, so that the number of bins depends on the lengths alone while a
// shuffled order mixes who shares a bin.
Bins pack_tightly(std::span<const uint32_t> order, std::span<const int32_t> lengths, int64_t capacity);

}  // namespace peft
