// The tokenizer.json and tokenizer_config.json that are equal to a GGUF file's tokenizer. Private to
// lib/text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/limits.h"
#include "text/tokenizer.h"

namespace peft {

// Code::unsupported names a model or pre-tokenizer that is not known; Code::format what does not fit
// together.
std::string gguf_tokenizer_json(const GgufTokenizerFields& fields, const Limits& limits);
// Names for tokenizer.ggml.pre, one for each pre-tokenizer that is known.
std::vector<std::string_view> byte_pre_tokenizer_names();
std::string gguf_tokenizer_config(const GgufTokenizerFields& fields);

}  // namespace peft
