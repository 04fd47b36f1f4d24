// Data sets: rows of tokens with labels, read and encoded once, immutable afterwards.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "base/limits.h"
#include "data/format.h"
#include "data/row.h"
#include "text/tokenizer.h"

namespace peft {

struct DatasetOptions {
  DataFormat format = DataFormat::automatic;
  int64_t max_seq_len = 2048;           // longer rows are cut at the right; 0 = never
  std::optional<bool> completion_only;  // absent: yes for chat, instruction and prompt/completion rows
  // To all rows but chat and token rows, unless the row ends with it anyway.
  bool append_eos = true;
  // Absent: as the tokenizer has them, none where a chat template made the text.
  std::optional<bool> add_special;
  std::string chat_template;  // for chat rows; empty: the tokenizer's own
  int64_t now = 0;            // of templates that write the date, seconds since the epoch; 0 = the clock
  int64_t first_row = 0;      // rows of the file before this one are left out (and not checked)
  int64_t row_count = 0;      // rows to take; 0 = all
  const CancelToken* cancel = nullptr;
  Limits limits;  // data_row_bytes, data_rows, text_bytes, tokens, json_depth
};

struct DatasetInfo {
  DataFormat format = DataFormat::tokens;  // as found or as asked for
  int64_t rows = 0;                        // usable ones
  int64_t tokens = 0;                      // of them
  int64_t loss_tokens = 0;                 // of which bear a loss
  int64_t longest_row = 0;                 // in tokens
  int64_t truncated_rows = 0;              // cut at max_seq_len (usable or not)
  int64_t masked_rows = 0;                 // left out: no token bears a loss
  int64_t empty_rows = 0;                  // left out: nothing in them
  int32_t largest_id = -1;                 // for the check against a model's vocabulary
  bool completion_only = false;
  bool appended_eos = false;
  // "text rows ({"text"}): 1204 rows, 151000 tokens, 99 % bear a loss; 7 rows cut at 2048"
  std::string summary;
};

// Any thread may read it. Rows lie in flat buffers; a RowView is valid while the Dataset lives and is not
// moved.
class Dataset {
 public:
  // `tokenizer` is used during the call only; it may be null for rows of tokens. Errors carry "file:line: ".
  // Code::not_found, io, format, unsupported, limit, cancelled; Code::state when no row can be used.
  static Dataset from_file(const std::string& path, const Tokenizer* tokenizer,
                           const DatasetOptions& options = {});
  // `text` is what a file would hold; `name` stands for the path in errors.
  static Dataset from_text(std::string_view text, const Tokenizer* tokenizer,
                           const DatasetOptions& options = {}, const std::string& name = "text");
  // Of the options max_seq_len, first_row, row_count, cancel and limits are read. Labels other than the token
  // itself or ignored_label are Code::invalid_argument.
  static Dataset from_rows(std::span<const TokenRow> rows, const DatasetOptions& options = {});

  int64_t rows() const { return static_cast<int64_t>(lines_.size()); }
  RowView row(int64_t index) const;
  int64_t length(int64_t index) const;       // tokens of a row
  int64_t loss_tokens(int64_t index) const;  // of a row
  const DatasetInfo& info() const { return info_; }
  const std::string& source() const { return source_; }            // path or name
  const std::string& fingerprint() const { return fingerprint_; }  // see data/fingerprint.h

 private:
  friend class DatasetBuilder;
  Dataset() = default;

  std::vector<int32_t> ids_;          // of all rows
  std::vector<int32_t> labels_;       // as ids_; empty while no label is ignored
  std::vector<int64_t> offsets_{0};   // [rows + 1] into ids_
  std::vector<int32_t> loss_tokens_;  // [rows]
  std::vector<int64_t> lines_;        // [rows]
  DatasetInfo info_;
  std::string source_, fingerprint_;
};

}  // namespace peft
