#include "data/row_encoder.h"

#include "base/error.h"
#include "data/mask.h"
#include "data/messages.h"

namespace peft {
namespace {

bool has_answers(DataFormat format) {
  return format == DataFormat::chat || format == DataFormat::instruction ||
         format == DataFormat::prompt_completion;
}

// A number of a row of tokens; `minimum` is 0 for ids and ignored_label for labels.
int32_t token_of(const Json& value, int64_t minimum, const char* field, size_t index,
                 const std::string& where) {
  const bool is_integer = value.is_number_integer();
  const bool fits =
      is_integer && (!value.is_number_unsigned() || value.get<uint64_t>() <= uint64_t{INT32_MAX});
  const int64_t number = fits ? value.get<int64_t>() : -1;
  check(fits && (number >= 0 || number == minimum) && number <= INT32_MAX, Code::format,
        "{}: {}[{}]: expected a token id{}, found {}", where, field, index, minimum < 0 ? " or -100" : "",
        value.is_primitive() && !value.is_string() ? value.dump() : value.type_name());
  return static_cast<int32_t>(number);
}

std::vector<int32_t> tokens_of(const Json& list, int64_t minimum, const char* field,
                               const std::string& where) {
  check(list.is_array(), Code::format, "{}: field '{}': expected an array of token ids, found {}", where,
        field, list.type_name());
  std::vector<int32_t> tokens;
  tokens.reserve(list.size());
  for (const Json& value : list) tokens.push_back(token_of(value, minimum, field, tokens.size(), where));
  return tokens;
}

}  // namespace

RowEncoder::RowEncoder(const Tokenizer* tokenizer, DataFormat format, const DatasetOptions& options)
    : tokenizer_(tokenizer), format_(format), cancel_(options.cancel) {
  PEFT_ASSERT(format != DataFormat::automatic);
  if (format == DataFormat::tokens) return;  // rows of tokens say themselves what bears a loss
  check(tokenizer != nullptr, Code::invalid_argument, "{} rows need a tokenizer", name_of(format));
  completion_only_ = options.completion_only.value_or(has_answers(format));
  check(!completion_only_ || has_answers(format), Code::invalid_argument,
        "completion-only loss needs chat, instruction or prompt/completion rows, found {} rows",
        name_of(format));
  add_special_ = options.add_special.value_or(format != DataFormat::chat);
  append_eos_ = options.append_eos && format != DataFormat::chat && tokenizer->eos_id() >= 0;
  if (format != DataFormat::chat) return;
  const std::string& source =
      options.chat_template.empty() ? tokenizer->chat_template() : options.chat_template;
  check(!source.empty(), Code::not_found, "chat rows need a chat template, and the tokenizer has none");
  chat_template_ = ChatTemplate::compile(source, options.limits);
  chat_options_.bos_token = tokenizer->token_text(tokenizer->bos_id());
  chat_options_.eos_token = tokenizer->token_text(tokenizer->eos_id());
  chat_options_.now = options.now;
}

EncodedRow RowEncoder::encode(const Json& row, const std::string& where) const {
  const JsonFields fields(row, where);
  switch (format_) {
    case DataFormat::chat:
      return encode_chat(row, where);
    case DataFormat::instruction: {
      const std::string instruction = fields.string("instruction"), input = fields.string_or("input", "");
      const std::string output = fields.string("output");
      if (instruction.empty() && input.empty() && output.empty()) return {};
      return encode_pair(instruction_prompt(instruction, input), output);
    }
    case DataFormat::prompt_completion:
      return encode_pair(fields.string("prompt"), fields.string("completion"));
    case DataFormat::text:
      return encode_text(fields.string("text"));
    case DataFormat::tokens:
      return encode_tokens(row, where);
    case DataFormat::automatic:
    case DataFormat::plain:
      break;
  }
  fail(Code::internal, "{}: {} is no format of JSON rows", where, name_of(format_));
}

EncodedRow RowEncoder::encode_text(std::string_view text) const {
  if (text.empty()) return {};
  EncodedRow encoded{tokenizer_->encode(text, add_special_, cancel_), {}};
  end_with_eos(encoded);
  return encoded;
}

EncodedRow RowEncoder::encode_chat(const Json& row, const std::string& where) const {
  const Conversation conversation = conversation_of(row, where);
  if (conversation.messages.empty()) return {};
  ChatOptions options = chat_options_;
  options.variables["tools"] = conversation.tools;
  if (!completion_only_)
    return {tokenizer_->encode(chat_template_->render(conversation.messages, options), add_special_, cancel_),
            {}};
  const MaskedChat chat = render_answers(*chat_template_, conversation.messages, options);
  EncodedRow encoded;
  const std::vector<TokenRange> tokens = tokenizer_->encode_with_ranges(chat.text, add_special_, cancel_);
  for (const TokenRange& token : tokens) encoded.ids.push_back(token.id);
  encoded.labels = mask_labels(tokens, chat.assistant);
  return encoded;
}

EncodedRow RowEncoder::encode_pair(const std::string& prompt, const std::string& completion) const {
  const std::string text = prompt + completion;
  if (!completion_only_ || text.empty()) return encode_text(text);
  const TextSpan answer{static_cast<int64_t>(prompt.size()), static_cast<int64_t>(text.size())};
  EncodedRow encoded;
  const std::vector<TokenRange> tokens = tokenizer_->encode_with_ranges(text, add_special_, cancel_);
  for (const TokenRange& token : tokens) encoded.ids.push_back(token.id);
  encoded.labels = mask_labels(tokens, std::span(&answer, 1));
  // An empty answer is one that ends at once, and nothing else can be learnt from it.
  end_with_eos(encoded);
  return encoded;
}

EncodedRow RowEncoder::encode_tokens(const Json& row, const std::string& where) const {
  const JsonFields fields(row, where);
  const char* key = fields.has("token_ids") ? "token_ids" : "input_ids";
  const Json* list = fields.find(key);
  check(list != nullptr, Code::format, "{}: field 'token_ids': expected an array of token ids, found nothing",
        where);
  EncodedRow encoded{tokens_of(*list, 0, key, where), {}};
  const Json* labels = fields.find("labels");
  if (!labels) return encoded;
  encoded.labels = tokens_of(*labels, ignored_label, "labels", where);
  check(encoded.labels.size() == encoded.ids.size(), Code::format,
        "{}: field 'labels': expected {} labels, found {}", where, encoded.ids.size(), encoded.labels.size());
  for (size_t i = 0; i < encoded.ids.size(); ++i)
    check(encoded.labels[i] == encoded.ids[i] || encoded.labels[i] == ignored_label, Code::format,
          "{}: labels[{}]: expected the token itself ({}) or -100, found {}", where, i, encoded.ids[i],
          encoded.labels[i]);
  return encoded;
}

void RowEncoder::end_with_eos(EncodedRow& row) const {
  if (!append_eos_ || (!row.ids.empty() && row.ids.back() == tokenizer_->eos_id())) return;
  row.ids.push_back(tokenizer_->eos_id());
  if (!row.labels.empty()) row.labels.push_back(tokenizer_->eos_id());
}

}  // namespace peft
