// What data sets need of a tokenizer and its chat template. A seam: rows can be tested without a vocabulary.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace peft {

// Const calls may come from several threads.
class TextEncoder {
 public:
  virtual ~TextEncoder() = default;

  // Ids of `text` (UTF-8). `add_special`: with the tokens that the tokenizer puts around a sequence.
  virtual std::vector<int32_t> encode(std::string_view text, bool add_special) const = 0;
  // The text that each id adds to the decoded whole, special tokens included. A code point that several tokens make up
  // belongs to the last of them.
  virtual std::vector<std::string> pieces(std::span<const int32_t> ids) const = 0;
  // End of a sequence, or -1.
  virtual int32_t eos() const = 0;

  virtual bool has_chat_template() const = 0;
  // Renders an array of {"role", "content", ...}. `tools`: an array for the template, or null.
  virtual std::string render(const Json& messages, const Json& tools, bool add_generation_prompt) const = 0;
};

}  // namespace peft
