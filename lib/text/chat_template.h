// Chat templates (Jinja) as Transformers renders them, in an interpreter bounded in steps, memory, time and
// output.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/limits.h"

namespace peft {

struct ChatOptions {
  bool add_generation_prompt = false;
  std::string bos_token, eos_token;  // texts, empty when the tokenizer has none
  Json variables = Json::object();   // further variables: tools, documents, enable_thinking, ...; they win
  int64_t now = 0;                   // seconds since the epoch for `strftime_now`; 0 = the clock
};

// Bytes [begin, end) of a text.
struct TextSpan {
  int64_t begin = 0, end = 0;
  bool operator==(const TextSpan&) const = default;
};

struct MaskedChat {
  std::string text;
  std::vector<TextSpan> assistant;  // in order, without overlap
};

// Compiled once, immutable, safe for concurrent use. `trim_blocks` and `lstrip_blocks` are on;
// `raise_exception`, `strftime_now`, `tojson` and the methods of Python's str, dict and list are there; `{%
// generation %}` marks are accepted. Nothing outside the given variables can be reached. A template that
// fails (raise_exception included) is Code::format with its message; one that uses up a limit is Code::limit.
class ChatTemplate {
 public:
  static std::shared_ptr<const ChatTemplate> compile(std::string_view source, const Limits& limits = {});

  // `messages` is an array of objects with "role" and "content".
  std::string render(const Json& messages, const ChatOptions& options = {}) const;

  // The text of a whole conversation and which of it the assistant says, for losses on completions only. An
  // assistant turn i is what render(messages[0..i]) adds to render(messages[0..i-1] with the generation
  // prompt). Where a template writes earlier turns differently later on, these are not prefixes of the whole:
  // Code::unsupported. options.add_generation_prompt is not used.
  MaskedChat render_with_mask(const Json& messages, const ChatOptions& options = {}) const;

  const std::string& source() const { return source_; }

 private:
  ChatTemplate(std::string_view source, const Limits& limits);
  std::string render_first(const Json& messages, size_t count, bool add_generation_prompt,
                           const ChatOptions& options) const;
  std::string source_;
  Limits limits_;
  std::shared_ptr<const void> handle_;
};

}  // namespace peft
