// Gathers encoded rows into a Dataset: cuts, counts, leaves out what cannot be trained on.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "data/dataset.h"

namespace peft {

class DatasetBuilder {
 public:
  DatasetBuilder(std::string source, const DatasetOptions& options);

  // Whether the next row of the source is wanted: behind first_row, and row_count not reached. Counts it.
  bool wants_row();
  bool is_full() const { return options_.row_count > 0 && taken_ >= options_.row_count; }
  // No labels: every token bears a loss. No ids: an empty row. `where` names the row in errors.
  void add(std::span<const int32_t> ids, std::span<const int32_t> labels, int64_t line,
           const std::string& where);
  // Code::state when no row can be used.
  Dataset finish(DataFormat format, bool completion_only, bool appended_eos, const std::string& description);

 private:
  void keep_labels(std::span<const int32_t> ids, std::span<const int32_t> labels);

  const DatasetOptions& options_;
  Dataset dataset_;
  int64_t seen_ = 0, taken_ = 0;
};

}  // namespace peft
