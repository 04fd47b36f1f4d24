// Text of token ids that arrive one by one.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "text/tokenizer.h"

namespace peft {

// Gives out whole characters (valid UTF-8) only; all pieces in a row are what Tokenizer::decode gives for all
// ids at once. One thread at a time; keeps the tokenizer alive.
class StreamDecoder {
 public:
  explicit StreamDecoder(std::shared_ptr<const Tokenizer> tokenizer, bool skip_special_tokens = true);

  // A copy stands where the other stands and goes its own way.
  StreamDecoder(const StreamDecoder& other);
  StreamDecoder& operator=(const StreamDecoder&) = delete;

  // The text that `id` completes; often empty inside a character, and inside a run of byte tokens.
  std::string step(int32_t id);
  // What was held back, with replacement characters for what stayed incomplete. The decoder can be used anew.
  std::string finish();

 private:
  std::string advance(int32_t id, bool finish);
  std::shared_ptr<const Tokenizer> tokenizer_;
  std::shared_ptr<void> handle_;
};

}  // namespace peft
