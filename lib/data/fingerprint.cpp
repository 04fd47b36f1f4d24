#include "data/fingerprint.h"

#include <memory>
#include <vector>

#include "base/file.h"
#include "data/dataset.h"

namespace peft {

// A hash of the hashes of blocks of rows: base offers hashing of bytes at once, and one block fits any
// memory.
std::string fingerprint_of(const Dataset& dataset) {
  constexpr size_t block_numbers = 1 << 18;
  std::vector<int64_t> block;
  std::string hashes = std::to_string(dataset.rows());
  const auto close = [&] {
    hashes += hash_bytes(std::as_bytes(std::span(block)));
    block.clear();
  };
  for (int64_t i = 0; i < dataset.rows(); ++i) {
    const RowView row = dataset.row(i);
    block.push_back(static_cast<int64_t>(row.ids.size()));
    for (size_t at = 0; at < row.ids.size(); ++at)
      block.push_back(int64_t{row.ids[at]} << 1 | (row.labels[at] == ignored_label ? 1 : 0));
    if (block.size() >= block_numbers) close();
  }
  close();
  return hash_bytes(std::as_bytes(std::span(hashes)));
}

}  // namespace peft
