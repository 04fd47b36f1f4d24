// Text work that tokenizers, sessions and models share.
#pragma once

#include <string>
#include <string_view>

#include "base/limits.h"
#include "peft/text.h"
#include "text/tokenizer.h"

namespace peft::capi {

peft_chat_options chat_defaults();
// Renders a JSON array of messages with the options' template or `own_template`.
std::string render_chat(const Tokenizer& tokenizer, const std::string& own_template, std::string_view json,
                        const peft_chat_options& options, const Limits& limits);
// tokenizer.json, tokenizer_config.json and chat_template.jinja into `folder`.
void save_tokenizer(const Tokenizer& tokenizer, const std::string& chat_template, const std::string& folder);

}  // namespace peft::capi
