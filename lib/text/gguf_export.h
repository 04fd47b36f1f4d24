// The GGUF fields that say the same as a tokenizer.json.
#pragma once

#include <cstdint>

#include "text/tokenizer.h"

namespace peft {

// The fields from which Tokenizer::from_gguf makes a tokenizer with the same ids. Every part of
// tokenizer.json has to have its place in GGUF: byte-level BPE with a known pre-tokenizer, and SentencePiece
// BPE. Anything else is Code::unsupported and names the part. Ids without a token, up to `vocabulary`, become
// unused tokens.
GgufTokenizerFields gguf_fields_of(const Tokenizer& tokenizer, int64_t vocabulary, const Limits& limits = {});

}  // namespace peft
