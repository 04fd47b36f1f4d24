// The tokenizer.json and tokenizer_config.json that are equal to a GGUF file's tokenizer. Private to
// lib/text.
#pragma once

#include <string>

#include "base/limits.h"
#include "text/tokenizer.h"

namespace peft {

// Code::unsupported names a model or pre-tokenizer that is not known; Code::format what does not fit
// together.
std::string gguf_tokenizer_json(const GgufTokenizerFields& fields, const Limits& limits);
std::string gguf_tokenizer_config(const GgufTokenizerFields& fields);

}  // namespace peft
