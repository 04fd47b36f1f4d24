// The shapes that rows of data come in, and finding out which one a file has.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/json.h"

namespace peft {

// Mirrors peft_data_format of include/peft/data.h; lib/capi asserts that the numbers agree.
enum class DataFormat : int32_t {
  automatic = 0,
  chat = 1,               // {"messages": [{"role", "content"}]} or {"conversations": [{"from", "value"}]}
  instruction = 2,        // {"instruction", "input"?, "output"}
  prompt_completion = 3,  // {"prompt", "completion"}
  text = 4,               // {"text"}
  plain = 5,              // plain text, cut into rows of max_seq_len tokens
  tokens = 6,             // {"token_ids" or "input_ids", "labels"?}
};

// "chat", "instruction", "prompt/completion", "text", "plain text", "tokens".
const char* name_of(DataFormat format);

// The format of one JSON row, by its keys. Rows of tasks that causal language models do not have
// (question/answer, classification, preferences) are Code::unsupported; rows of no known shape Code::format,
// with the keys that were found. `where` ("train.jsonl:3") names the row in errors.
DataFormat format_of_row(const Json& row, const std::string& where);

// The fields that made a row of `format` recognisable, for messages: {"messages"} or {"prompt",
// "completion"}.
std::string fields_of(DataFormat format);

// Whether `text` (the beginning of a file is enough) looks like rows of JSON rather than plain text.
bool looks_like_json(std::string_view text);

}  // namespace peft
