// What a tokenizer.json is made of, apart from its words.
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"
#include "text/tokenizer.h"

namespace peft {

struct TokenizerKind {
  std::string model;          // "byte_level_bpe", "sentencepiece", "bpe", "unigram", "wordpiece", "wordlevel"
  std::string pre_tokenizer;  // tokenizer.ggml.pre where a byte-level BPE has one of those known; else empty
};

// Reads the structure alone: cheap beside loading, dear beside encoding.
TokenizerKind kind_of(const Tokenizer& tokenizer);

// The rest is for lib/text only. Parts compare by their keys, whatever their order.
using Plain = nlohmann::json;

// Null for an absent one.
Json part_of(const Json& object, const char* key);
// Different spellings of one step made equal: defaults filled in, sequences of one taken apart, what only
// moves ranges left out.
Plain canonical(const Json& step);
Plain canonical_part(const Json& file, const char* key);
bool flag_of(const Json& object, const char* key);
std::string model_type(const Json& file);
bool is_byte_level(const Json& file);
// Name of the pre-tokenizer whose steps these are; empty: none known.
std::string pre_tokenizer_name(const Json& file);
// The structure that a GGUF file with these settings stands for.
Json structure_of_fields(const char* model, std::string_view pre, bool space_prefix);

}  // namespace peft
