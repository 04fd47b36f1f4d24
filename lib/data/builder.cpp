#include "data/builder.h"

#include <algorithm>

#include "base/error.h"
#include "data/fingerprint.h"

namespace peft {
namespace {

// "1 row", "2 rows".
std::string counted(int64_t number, const char* noun) {
  return fmt::format("{} {}{}", number, noun, number == 1 ? "" : "s");
}

std::string unusable(const DatasetInfo& info) {
  return fmt::format("{} empty, {} without a token that bears a loss", info.empty_rows, info.masked_rows);
}

std::string summary_of(const DatasetInfo& info, const DatasetOptions& options,
                       const std::string& description) {
  std::string text =
      fmt::format("{}: {}, {}", description, counted(info.rows, "row"), counted(info.tokens, "token"));
  text += fmt::format(", {:.0f} % bear a loss", 100.0 * static_cast<double>(info.loss_tokens) /
                                                    static_cast<double>(std::max<int64_t>(info.tokens, 1)));
  if (info.completion_only) text += " (answers only)";
  if (info.truncated_rows > 0)
    text += fmt::format("; {} cut at {}", counted(info.truncated_rows, "row"), options.max_seq_len);
  if (info.masked_rows + info.empty_rows > 0)
    text +=
        fmt::format("; {} left out ({})", counted(info.masked_rows + info.empty_rows, "row"), unusable(info));
  return text;
}

}  // namespace

DatasetBuilder::DatasetBuilder(std::string source, const DatasetOptions& options) : options_(options) {
  check(options.max_seq_len >= 0, Code::invalid_argument, "max_seq_len: expected 0 or more, found {}",
        options.max_seq_len);
  check(options.first_row >= 0, Code::invalid_argument, "first_row: expected 0 or more, found {}",
        options.first_row);
  check(options.row_count >= 0, Code::invalid_argument, "row_count: expected 0 or more, found {}",
        options.row_count);
  dataset_.source_ = std::move(source);
}

bool DatasetBuilder::wants_row() {
  poll(options_.cancel);
  if (seen_++ < options_.first_row || is_full()) return false;
  ++taken_;
  return true;
}

void DatasetBuilder::add(std::span<const int32_t> ids, std::span<const int32_t> labels, int64_t line,
                         const std::string& where) {
  DatasetInfo& info = dataset_.info_;
  if (ids.empty()) {
    ++info.empty_rows;
    return;
  }
  PEFT_ASSERT(labels.empty() || labels.size() == ids.size());
  const auto maximum = static_cast<size_t>(options_.max_seq_len);
  if (maximum > 0 && ids.size() > maximum) {
    ids = ids.first(maximum);
    if (!labels.empty()) labels = labels.first(maximum);
    ++info.truncated_rows;
  }
  check(static_cast<int64_t>(ids.size()) <= options_.limits.tokens, Code::limit,
        "{}: the row has {} tokens, at most {} allowed", where, ids.size(), options_.limits.tokens);
  const auto loss_tokens = labels.empty() ? static_cast<int64_t>(ids.size()) - 1
                                          : std::count_if(labels.begin() + 1, labels.end(),
                                                          [](int32_t l) { return l != ignored_label; });
  if (loss_tokens == 0) {
    ++info.masked_rows;
    return;
  }
  check(info.rows < std::min<int64_t>(options_.limits.data_rows, UINT32_MAX), Code::limit,
        "{}: more than {} rows", where, info.rows);
  keep_labels(ids, labels);
  dataset_.ids_.insert(dataset_.ids_.end(), ids.begin(), ids.end());
  dataset_.offsets_.push_back(static_cast<int64_t>(dataset_.ids_.size()));
  dataset_.loss_tokens_.push_back(static_cast<int32_t>(loss_tokens));
  dataset_.lines_.push_back(line);
  ++info.rows;
  info.loss_tokens += loss_tokens;
  info.longest_row = std::max(info.longest_row, static_cast<int64_t>(ids.size()));
  info.largest_id = std::max(info.largest_id, *std::max_element(ids.begin(), ids.end()));
}

// Labels that say nothing new are not kept: while every label is its token, ids serve for both.
void DatasetBuilder::keep_labels(std::span<const int32_t> ids, std::span<const int32_t> labels) {
  const bool masked = std::find(labels.begin(), labels.end(), ignored_label) != labels.end();
  if (!masked && dataset_.labels_.empty()) return;
  if (dataset_.labels_.empty()) dataset_.labels_ = dataset_.ids_;
  const std::span<const int32_t> kept = labels.empty() ? ids : labels;
  dataset_.labels_.insert(dataset_.labels_.end(), kept.begin(), kept.end());
}

Dataset DatasetBuilder::finish(DataFormat format, bool completion_only, bool appended_eos,
                               const std::string& description) {
  DatasetInfo& info = dataset_.info_;
  check(info.rows > 0, Code::state, "{}: no row can be used: {} read, {}", dataset_.source_,
        counted(taken_, "row"), unusable(info));
  info.format = format;
  info.tokens = static_cast<int64_t>(dataset_.ids_.size());
  info.completion_only = completion_only;
  info.appended_eos = appended_eos;
  info.summary = summary_of(info, options_, description);
  dataset_.fingerprint_ = fingerprint_of(dataset_);
  return std::move(dataset_);
}

}  // namespace peft
