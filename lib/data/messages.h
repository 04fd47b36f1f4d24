// Texts of rows: conversations in one spelling, and the prompt of instruction rows.
#pragma once

#include <string>

#include "base/json.h"

namespace peft {

struct Conversation {
  Json messages = Json::array();  // {"role", "content", ...}, ready for a chat template
  Json tools;                     // array, or null
};

// From {"messages": [{"role", "content"}]} or {"conversations": [{"from", "value"}]} ("human", "gpt", "tool",
// ... become roles; a "system" beside them becomes the first message), with "tools" where the row has them.
// Content in parts is joined; parts that are not text are Code::unsupported. Wrong types are Code::format
// naming `where` and the message.
Conversation conversation_of(const Json& row, const std::string& where);

// The text that instruction rows are trained behind, in the wording of Stanford Alpaca.
std::string instruction_prompt(const std::string& instruction, const std::string& input);

}  // namespace peft
