#include "data/format.h"

#include <initializer_list>

#include "base/error.h"

namespace peft {
namespace {

bool has_all(const Json& row, std::initializer_list<const char*> keys) {
  for (const char* key : keys)
    if (!row.contains(key)) return false;
  return true;
}

struct Shape {
  std::initializer_list<const char*> keys;
  DataFormat format;
};

// The first that fits counts: richer shapes stand before those whose keys they contain.
constexpr Shape shapes[] = {
    {{"messages"}, DataFormat::chat},
    {{"conversations"}, DataFormat::chat},
    {{"instruction", "output"}, DataFormat::instruction},
    {{"prompt", "completion"}, DataFormat::prompt_completion},
    {{"token_ids"}, DataFormat::tokens},
    {{"input_ids"}, DataFormat::tokens},
};

struct OtherTask {
  std::initializer_list<const char*> keys;
  const char* name;
};

constexpr OtherTask other_tasks[] = {
    {{"chosen", "rejected"}, "preference"},       {{"question", "answer"}, "question/answer"},
    {{"question", "answers"}, "question/answer"}, {{"context", "question"}, "question/answer"},
    {{"text", "label"}, "classification"},        {{"sentence", "label"}, "classification"},
    {{"text", "labels"}, "classification"},
};

std::string quoted_keys(const Json& row) {
  std::string text;
  int shown = 0;
  for (const auto& [key, value] : row.items()) {
    if (++shown > 8) return text + ", ...";
    text += fmt::format("{}\"{}\"", text.empty() ? "" : ", ", key.substr(0, 40));
  }
  return text.empty() ? "none" : text;
}

}  // namespace

const char* name_of(DataFormat format) {
  switch (format) {
    case DataFormat::automatic:
      return "automatic";
    case DataFormat::chat:
      return "chat";
    case DataFormat::instruction:
      return "instruction";
    case DataFormat::prompt_completion:
      return "prompt/completion";
    case DataFormat::text:
      return "text";
    case DataFormat::plain:
      return "plain text";
    case DataFormat::tokens:
      return "tokens";
  }
  return "unknown";
}

std::string fields_of(DataFormat format) {
  switch (format) {
    case DataFormat::chat:
      return R"({"messages"} or {"conversations"})";
    case DataFormat::instruction:
      return R"({"instruction", "output"})";
    case DataFormat::prompt_completion:
      return R"({"prompt", "completion"})";
    case DataFormat::text:
      return R"({"text"})";
    case DataFormat::tokens:
      return R"({"token_ids"})";
    case DataFormat::automatic:
    case DataFormat::plain:
      break;
  }
  return "no fields";
}

DataFormat format_of_row(const Json& row, const std::string& where) {
  for (const Shape& shape : shapes)
    if (has_all(row, shape.keys)) return shape.format;
  for (const OtherTask& task : other_tasks)
    check(!has_all(row, task.keys), Code::unsupported,
          "{}: a {} row ({}), which a causal language model has no loss for; expected chat, instruction, "
          "prompt/completion, text or token rows",
          where, task.name, quoted_keys(row));
  if (row.contains("text")) return DataFormat::text;
  fail(
      Code::format,
      R"({}: expected a row with "messages", "conversations", "instruction" and "output", "prompt" and "completion", )"
      R"("text" or "token_ids", found the fields {})",
      where, quoted_keys(row));
}

bool looks_like_json(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n";
  const auto skip = [&](std::string_view rest) {
    const size_t at = rest.find_first_not_of(blanks);
    return at == rest.npos ? std::string_view() : rest.substr(at);
  };
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  text = skip(text);
  if (text.empty()) return false;
  const char first = text.front();
  text = skip(text.substr(1));
  if (first == '{') return text.empty() || text.front() == '"' || text.front() == '}';
  return first == '[' && (text.empty() || text.front() == '{' || text.front() == ']');
}

}  // namespace peft
