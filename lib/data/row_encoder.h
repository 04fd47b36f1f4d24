// One row of JSON to token ids and labels.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "data/dataset.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace peft {

struct EncodedRow {
  std::vector<int32_t> ids;
  std::vector<int32_t> labels;  // as many as ids, or empty: every token bears a loss
};

// Encodes rows of one format (not DataFormat::automatic). One thread.
class RowEncoder {
 public:
  // Code::invalid_argument without a tokenizer (token rows need none), or for completion_only on rows that
  // have no answers; Code::not_found for chat rows without a chat template.
  RowEncoder(const Tokenizer* tokenizer, DataFormat format, const DatasetOptions& options);

  bool completion_only() const { return completion_only_; }
  bool appends_eos() const { return append_eos_; }

  // Not yet cut. No ids: the row holds nothing. `where` names the row in errors.
  EncodedRow encode(const Json& row, const std::string& where) const;
  // A text of which every token bears a loss.
  EncodedRow encode_text(std::string_view text) const;

 private:
  EncodedRow encode_chat(const Json& row, const std::string& where) const;
  // As TRL joins them: prompt and completion are one text, so that the ids are those the model sees when it
  // generates.
  EncodedRow encode_pair(const std::string& prompt, const std::string& completion) const;
  EncodedRow encode_tokens(const Json& row, const std::string& where) const;
  void end_with_eos(EncodedRow& row) const;

  const Tokenizer* tokenizer_;
  DataFormat format_;
  const CancelToken* cancel_;
  bool completion_only_ = false, append_eos_ = false, add_special_ = true;
  std::shared_ptr<const ChatTemplate> chat_template_;
  ChatOptions chat_options_;
};

}  // namespace peft
