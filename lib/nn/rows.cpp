#include "nn/rows.h"

#include <algorithm>

namespace peft {

RowMap::RowMap(std::vector<Row> rows) : rows_(std::move(rows)) {
  for (const Row& row : rows_) {
    PEFT_ASSERT(row.begin == tokens_ && row.length > 0 && row.position >= 0);
    tokens_ += row.length;
  }
}

int32_t RowMap::last_position() const {
  int32_t last = 0;
  for (const Row& row : rows_) last = std::max(last, row.position + row.length - 1);
  return last;
}

RowMap::DeviceRows RowMap::upload(Context& context, bool cached) const {
  std::vector<int32_t> positions, row_ids, segments;
  positions.reserve(static_cast<size_t>(tokens_));
  row_ids.reserve(static_cast<size_t>(tokens_) * 2);
  for (const Row& row : rows_) {
    for (int32_t i = 0; i < row.length; ++i) {
      positions.push_back(row.position + i);
      row_ids.push_back(row.id);
      row_ids.push_back(row.position + i);
    }
    const int32_t keys = cached ? row.position + row.length : row.length;
    segments.insert(segments.end(), {row.begin, row.length, cached ? 0 : row.begin, keys});
  }
  return {context.from_host(positions, {tokens_}), context.from_host(row_ids, {tokens_, 2}),
          context.from_host(segments, {static_cast<int64_t>(rows_.size()), 4})};
}

}  // namespace peft
