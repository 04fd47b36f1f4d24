#include "text/tokenizer.h"

#include <algorithm>

#include "base/cancel.h"
#include "base/json.h"
#include "base/memory.h"
#include "text/bridge.h"
#include "text/gguf_tokenizer.h"

namespace peft {

namespace {

// Tokens by which chat formats end a turn or an answer.
constexpr std::string_view turn_ends[] = {
    "<|im_end|>",      "<|eot_id|>", "<|eom_id|>",    "<|end_of_turn|>",
    "<end_of_turn>",   "<|end|>",    "<|endoftext|>", "<|eot|>",
    "<|end_of_text|>", "</s>",       "<turn|>",       "<|return|>",
};

// Peak memory of encoding in bytes per byte of text, asked for in advance when a text is large; 44 to 100
// were measured on prose, code, Korean and runs of spaces, twice that with ranges.
constexpr int64_t encode_factor = 200;
constexpr int64_t large_text = 1 << 20;

const textrs_tokenizer* rust(const void* handle) { return static_cast<const textrs_tokenizer*>(handle); }

void check_text(std::string_view text, const Limits& limits) {
  const auto bytes = static_cast<int64_t>(text.size());
  check(bytes <= limits.text_bytes, Code::limit, "text: expected at most {} bytes, found {}",
        limits.text_bytes, bytes);
  if (bytes < large_text) return;
  const int64_t available = available_memory_bytes();
  check(available <= 0 || bytes * encode_factor <= available, Code::out_of_memory,
        "text of {} bytes: encoding may need {} bytes of memory, {} are available", bytes,
        bytes * encode_factor, available);
}

int32_t shall_stop(const void* token) {
  return process_ends() || (token && static_cast<const CancelToken*>(token)->signalled());
}

// A special token is given by its text, or as an object with the text under "content".
std::optional<std::string> special_token(const JsonFields& config, const char* key) {
  const Json* value = config.find(key);
  if (!value) return std::nullopt;
  if (value->is_object()) {
    const auto content = value->find("content");
    if (content != value->end() && content->is_string()) return content->get<std::string>();
  }
  check(value->is_string(), Code::format, "{}: {}: expected a string or an object with 'content', found {}",
        config.what(), key, value->type_name());
  return value->get<std::string>();
}

// A text, or a list of named ones of which "default" is meant.
std::string chat_template_of(const JsonFields& config) {
  const Json* value = config.find("chat_template");
  if (!value) return {};
  if (value->is_string()) return value->get<std::string>();
  check(value->is_array(), Code::format, "{}: chat_template: expected a string or an array, found {}",
        config.what(), value->type_name());
  for (const Json& entry : *value) {
    if (!entry.is_object()) continue;
    const auto name = entry.find("name"), text = entry.find("template");
    if (name != entry.end() && *name == "default" && text != entry.end() && text->is_string())
      return text->get<std::string>();
  }
  return {};
}

}  // namespace

std::shared_ptr<const Tokenizer> Tokenizer::from_json(std::string_view tokenizer_json,
                                                      std::string_view config_json, const Limits& limits) {
  return std::shared_ptr<const Tokenizer>(
      new Tokenizer(std::string(tokenizer_json), std::string(config_json), limits));
}

std::shared_ptr<const Tokenizer> Tokenizer::from_gguf(const GgufTokenizerFields& fields,
                                                      const Limits& limits) {
  std::string json = gguf_tokenizer_json(fields, limits);  // first: it checks the fields
  return std::shared_ptr<const Tokenizer>(
      new Tokenizer(std::move(json), gguf_tokenizer_config(fields), limits));
}

Tokenizer::Tokenizer(std::string json, std::string config_json, const Limits& limits)
    : json_(std::move(json)), config_json_(std::move(config_json)), limits_(limits) {
  check(static_cast<int64_t>(json_.size()) <= limits.json_bytes, Code::limit,
        "tokenizer.json: expected at most {} bytes, found {}", limits.json_bytes, json_.size());
  textrs_tokenizer* handle = nullptr;
  BridgeBytes message;
  with_context("tokenizer.json", [&] {
    check_bridge(textrs_tokenizer_load(bytes_of(json_), json_.size(), &handle, message.out()), message);
  });
  handle_ = std::shared_ptr<textrs_tokenizer>(handle, BridgeDeleter());
  textrs_tokenizer_sizes(handle, &vocabulary_size_, &maximum_id_);
  if (!config_json_.empty()) read_config(limits);
  find_ends_of_turns();
}

void Tokenizer::read_config(const Limits& limits) {
  const Json object = parse_json(config_json_, "tokenizer_config.json", limits);
  const JsonFields config(object, "tokenizer_config.json");
  const auto id_of = [&](const char* key) -> int32_t {
    const std::optional<std::string> text = special_token(config, key);
    if (!text) return -1;
    const std::optional<int32_t> id = token_id(*text);
    check(id.has_value(), Code::mismatch, "tokenizer_config.json: {}: '{}' is not in tokenizer.json", key,
          *text);
    return *id;
  };
  bos_id_ = id_of("bos_token");
  eos_id_ = id_of("eos_token");
  padding_id_ = id_of("pad_token");
  unknown_id_ = id_of("unk_token");
  chat_template_ = chat_template_of(config);
}

void Tokenizer::find_ends_of_turns() {
  if (eos_id_ >= 0) end_of_turn_ids_.push_back(eos_id_);
  for (const std::string_view text : turn_ends) {
    const std::optional<int32_t> id = token_id(text);
    if (id && is_special(*id)) end_of_turn_ids_.push_back(*id);
  }
  std::sort(end_of_turn_ids_.begin(), end_of_turn_ids_.end());
  end_of_turn_ids_.erase(std::unique(end_of_turn_ids_.begin(), end_of_turn_ids_.end()),
                         end_of_turn_ids_.end());
}

std::vector<int32_t> Tokenizer::encode(std::string_view text, bool add_special_tokens,
                                       const CancelToken* cancel) const {
  check_text(text, limits_);
  poll(cancel);
  BridgeIds ids;
  BridgeBytes message;
  check_bridge(textrs_encode(rust(handle()), bytes_of(text), text.size(), add_special_tokens, shall_stop,
                             cancel, ids.out(), message.out()),
               message);
  return ids.vector();
}

std::vector<TokenRange> Tokenizer::encode_with_ranges(std::string_view text, bool add_special_tokens,
                                                      const CancelToken* cancel) const {
  check_text(text, limits_);
  poll(cancel);
  BridgeIds numbers;
  BridgeBytes message;
  check_bridge(textrs_encode_with_ranges(rust(handle()), bytes_of(text), text.size(), add_special_tokens,
                                         shall_stop, cancel, numbers.out(), message.out()),
               message);
  std::vector<TokenRange> ranges(numbers.size() / 3);
  for (size_t i = 0; i < ranges.size(); ++i)
    ranges[i] = {numbers.data()[3 * i], numbers.data()[3 * i + 1], numbers.data()[3 * i + 2]};
  return ranges;
}

std::string Tokenizer::decode(std::span<const int32_t> ids, bool skip_special_tokens) const {
  BridgeBytes text, message;
  check_bridge(
      textrs_decode(rust(handle()), ids.data(), ids.size(), skip_special_tokens, text.out(), message.out()),
      message);
  return text.string();
}

std::string Tokenizer::token(int32_t id) const {
  int32_t special = 0;
  BridgeBytes text, message;
  check_bridge(textrs_token(rust(handle()), id, text.out(), &special, message.out()), message);
  return text.string();
}

bool Tokenizer::is_special(int32_t id) const {
  int32_t special = 0;
  BridgeBytes text, message;
  check_bridge(textrs_token(rust(handle()), id, text.out(), &special, message.out()), message);
  return special != 0;
}

std::optional<int32_t> Tokenizer::token_id(std::string_view token) const {
  const int32_t id = textrs_token_id(rust(handle()), bytes_of(token), token.size());
  return id < 0 ? std::nullopt : std::optional<int32_t>(id);
}

}  // namespace peft
