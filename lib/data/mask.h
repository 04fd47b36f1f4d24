// Which tokens bear a loss when the answers alone do.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "data/row.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace peft {

// Labels of a text's tokens: a token bears a loss when it holds a byte of one of `answers` (ascending,
// apart), so one that reaches across the beginning of an answer does, as in Transformers' assistant masks.
// Tokens that the tokenizer put behind the text go with the last token of the text, those in front bear none.
std::vector<int32_t> mask_labels(std::span<const TokenRange> tokens, std::span<const TextSpan> answers);

// A whole conversation rendered, and the assistant's turns in it with the ends that the template gives them.
// Templates that write earlier turns differently once later ones follow (Qwen3 drops thoughts) are followed
// as far as the turn can be found again; otherwise Code::unsupported.
MaskedChat render_answers(const ChatTemplate& chat_template, const Json& messages,
                          const ChatOptions& options);

}  // namespace peft
