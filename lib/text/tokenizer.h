// Text to token ids and back, with the ids of the original tokenizer.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/limits.h"

namespace peft {

class CancelToken;

// The tokenizer of a GGUF file, as its metadata tells it. Absent ids are -1, absent arrays empty.
struct GgufTokenizerFields {
  std::string model;  // tokenizer.ggml.model: "gpt2" or "llama"
  std::string pre;    // tokenizer.ggml.pre
  std::vector<std::string> tokens;
  std::vector<int32_t> token_types;  // 1 normal, 2 unknown, 3 control, 4 user defined, 5 unused, 6 byte
  std::vector<float> scores;         // "llama" only
  std::vector<std::string> merges;   // "gpt2" only
  int32_t bos_id = -1, eos_id = -1, unknown_id = -1, padding_id = -1;
  std::optional<bool> add_bos, add_eos, add_space_prefix;
  std::string chat_template;
};

// One token and the bytes of the text it stands for; the range is empty for tokens that the tokenizer put in.
struct TokenRange {
  int32_t id = 0;
  int32_t begin = 0, end = 0;
  bool operator==(const TokenRange&) const = default;
};

// Immutable, safe for concurrent use. All texts are UTF-8; invalid ones are Code::invalid_argument.
class Tokenizer {
 public:
  // `tokenizer_json` is the text of tokenizer.json; `config_json` that of tokenizer_config.json, which names
  // the special tokens and may hold the chat template; empty when there is none. Truncation and padding
  // settings are ignored. Malformed files are Code::format; added tokens that would get other ids than the
  // file says are refused.
  static std::shared_ptr<const Tokenizer> from_json(std::string_view tokenizer_json,
                                                    std::string_view config_json, const Limits& limits = {});
  // Builds the equal tokenizer.json. Code::unsupported names a model or pre-tokenizer that is not known.
  static std::shared_ptr<const Tokenizer> from_gguf(const GgufTokenizerFields& fields,
                                                    const Limits& limits = {});

  // `add_special_tokens` puts in what the tokenizer's template says (often the beginning of text). Where the
  // tokenizer's pattern gives up on a text the call fails with Code::limit; ids are never other than the
  // original's. Code::cancelled soon after a signal: what was made of the text goes first, which takes seconds
  // for tens of megabytes.
  std::vector<int32_t> encode(std::string_view text, bool add_special_tokens = true,
                              const CancelToken* cancel = nullptr) const;
  // As encode, with the place of each token in the text; slower.
  std::vector<TokenRange> encode_with_ranges(std::string_view text, bool add_special_tokens = true,
                                             const CancelToken* cancel = nullptr) const;
  // Ids beyond the vocabulary give no text; incomplete characters give U+FFFD.
  std::string decode(std::span<const int32_t> ids, bool skip_special_tokens = true) const;

  // The token as the vocabulary spells it (byte-level tokens are not text). Code::not_found for unknown ids.
  std::string token(int32_t id) const;
  bool is_special(int32_t id) const;
  std::optional<int32_t> token_id(std::string_view token) const;
  int64_t vocabulary_size() const { return vocabulary_size_; }  // tokens, added ones included
  int64_t maximum_id() const { return maximum_id_; }  // a model's vocabulary must be larger than this

  // -1 where there is none.
  int32_t bos_id() const { return bos_id_; }
  int32_t eos_id() const { return eos_id_; }
  int32_t padding_id() const { return padding_id_; }
  int32_t unknown_id() const { return unknown_id_; }
  // The token's text, empty for -1; what chat templates call bos_token and eos_token.
  std::string token_text(int32_t id) const { return id < 0 ? std::string() : token(id); }
  // Ids that end an answer: eos and the turn ends of known chat formats that are special here. Sorted.
  const std::vector<int32_t>& end_of_turn_ids() const { return end_of_turn_ids_; }
  // From tokenizer_config.json or the GGUF file; empty when there is none.
  const std::string& chat_template() const { return chat_template_; }

  // What an output folder needs: tokenizer.json and tokenizer_config.json.
  const std::string& to_json() const { return json_; }
  const std::string& config_json() const { return config_json_; }

  // For lib/text only.
  const void* handle() const { return handle_.get(); }

 private:
  Tokenizer(std::string json, std::string config_json, const Limits& limits);
  void read_config(const Limits& limits);
  void find_ends_of_turns();

  std::shared_ptr<const void> handle_;
  std::string json_, config_json_, chat_template_;
  Limits limits_;
  int64_t vocabulary_size_ = 0, maximum_id_ = -1;
  int32_t bos_id_ = -1, eos_id_ = -1, padding_id_ = -1, unknown_id_ = -1;
  std::vector<int32_t> end_of_turn_ids_;
};

}  // namespace peft
