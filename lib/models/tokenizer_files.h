// Finding a model's tokenizer, chat template and end tokens.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "base/limits.h"
#include "formats/gguf_metadata.h"
#include "text/tokenizer.h"

namespace peft {

struct ModelText {
  std::shared_ptr<const Tokenizer> tokenizer;  // null when there is none
  std::string chat_template;                   // empty when there is none
  std::vector<int32_t> end_tokens;
};

// tokenizer.json (required for a tokenizer), tokenizer_config.json, chat_template.jinja, generation_config.json.
ModelText text_of_folder(const Folder& folder, const Json& config, int64_t vocabulary, const Limits& limits);
// tokenizer.ggml.* and tokenizer.chat_template, read and written. Writing: Code::unsupported names what has no place there.
ModelText text_of_gguf(const GgufMetadata& metadata, int64_t vocabulary, const Limits& limits);
void text_to_gguf(const Tokenizer& tokenizer, const std::string& chat_template, int64_t vocabulary, GgufMetadata& metadata);

}  // namespace peft
