// A sequence of tokens that grows: model, cache, active adapters, sampler. One thread at a time; any number
// of sessions run side by side on one model.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "generate/sampler.h"
#include "generate/stop_text.h"
#include "nn/transformer.h"
#include "text/stream_decoder.h"
#include "text/tokenizer.h"

namespace peft {

enum class FinishReason : uint8_t { none, end_of_sequence, stop, length, context };

struct GenerationOptions {
  SamplingOptions sampling;
  int64_t max_new_tokens = 256;  // 0: until the end or the session is full
  std::vector<std::string> stops;
  bool ignore_end = false;
  bool include_special = false;
  const CancelToken* cancel = nullptr;
};

struct Piece {
  int32_t token = -1;  // -1: the rest of the text only
  int64_t position = -1;
  double log_probability = 0;
  std::string text;
  FinishReason finish = FinishReason::none;
  bool end = false;  // nothing was made: the generation had ended
};

struct SessionModel {
  std::shared_ptr<const Transformer> transformer;
  std::shared_ptr<const Tokenizer> tokenizer;  // may be null
  std::vector<int32_t> end_tokens;
};

class Session {
 public:
  // make_context gives this session, and later each fork, a context of its own. context_length 0: the model's
  // own. Code::limit beyond learned positions.
  Session(SessionModel model, std::vector<std::shared_ptr<const HookTable>> adapters,
          std::function<std::unique_ptr<Context>()> make_context, int64_t context_length);

  // Appends tokens in one pass and begins a new generation. A failed or cancelled call leaves the session as
  // it was.
  void prefill(std::span<const int32_t> ids, const CancelToken* cancel);
  // Makes the held tokens equal to `ids`: keeps what agrees, drops and computes what differs. Begins a new
  // generation.
  void replace(std::span<const int32_t> ids, const CancelToken* cancel);
  void set_options(GenerationOptions options);  // begins a new generation
  // One piece. The session changes only when the piece is made.
  Piece next();

  // A second session that goes on exactly as this one would: text held back, counts and draws included.
  std::unique_ptr<Session> fork() const;
  void rewind(int64_t position);

  const std::vector<int32_t>& tokens() const { return tokens_; }
  // After the last token; empty when there is none or the session was rewound since.
  const std::vector<float>& logits() const { return logits_; }
  int64_t context_length() const { return context_length_; }
  int64_t new_tokens() const { return new_tokens_; }
  FinishReason finish_reason() const { return finish_; }
  int64_t cache_bytes() const;
  int64_t memory_bytes() const;
  double prefill_seconds() const { return prefill_seconds_; }
  double decode_seconds() const { return decode_seconds_; }
  const Tokenizer* tokenizer() const { return model_.tokenizer.get(); }

 private:
  Session(const Session& other, std::unique_ptr<Context> context);
  void run(std::span<const int32_t> ids, const CancelToken* cancel);
  std::vector<float> run_chunks(std::span<const int32_t> ids);
  void begin_generation();
  std::string text_of(int32_t token);
  bool ends(int32_t token) const;

  SessionModel model_;
  std::vector<std::shared_ptr<const HookTable>> adapters_;
  std::function<std::unique_ptr<Context>()> make_context_;
  std::unique_ptr<Context> context_;
  Workspace workspace_;
  KvSequence cache_;
  int64_t context_length_;
  int32_t prompt_length_ = 0;  // virtual tokens that an adapter puts before the first
  std::vector<int32_t> tokens_;
  std::vector<float> logits_;
  GenerationOptions options_;
  std::optional<StreamDecoder> decoder_;
  StopText stops_;
  int64_t new_tokens_ = 0;
  FinishReason finish_ = FinishReason::none;
  bool rest_given_ = false;
  double prefill_seconds_ = 0, decode_seconds_ = 0;
};

}  // namespace peft
