#include "generate/session.h"

#include <algorithm>
#include <chrono>

#include "base/checked.h"
#include "base/clock.h"
#include "base/error.h"

namespace peft {
namespace {

// Tokens of one pass at most: bounds the activations of a long prompt.
constexpr size_t prefill_chunk = 512;

int32_t prompt_length_of(const std::vector<std::shared_ptr<const HookTable>>& adapters) {
  int32_t length = 0;
  for (const auto& adapter : adapters)
    if (const PromptHook* prompt = adapter->prompt()) length += prompt->length();
  return length;
}

}  // namespace

Session::Session(SessionModel model, std::vector<std::shared_ptr<const HookTable>> adapters,
                 std::function<std::unique_ptr<Context>()> make_context, int64_t context_length)
    : model_(std::move(model)),
      adapters_(std::move(adapters)),
      make_context_(std::move(make_context)),
      context_(make_context_()),
      workspace_(*context_),
      cache_(model_.transformer->spec(), *context_),
      context_length_(context_length == 0 ? model_.transformer->spec().context_length : context_length),
      prompt_length_(prompt_length_of(adapters_)) {
  check(context_length_ > prompt_length_ && context_length_ <= (1 << 30), Code::invalid_argument,
        "context_length must be above {} and at most {}, not {}", prompt_length_, 1 << 30, context_length_);
  const int64_t learned = model_.transformer->spec().learned_positions;
  check(learned == 0 || context_length_ <= learned, Code::limit,
        "context_length {} exceeds the model's {} learned positions", context_length_, learned);
  begin_generation();
}

Session::Session(const Session& other, std::unique_ptr<Context> context)
    : model_(other.model_),
      adapters_(other.adapters_),
      make_context_(other.make_context_),
      context_(std::move(context)),
      workspace_(*context_),
      cache_(other.cache_.fork(*context_)),
      context_length_(other.context_length_),
      prompt_length_(other.prompt_length_),
      tokens_(other.tokens_),
      logits_(other.logits_),
      options_(other.options_),
      stops_(other.stops_),
      new_tokens_(other.new_tokens_),
      finish_(other.finish_),
      rest_given_(other.rest_given_),
      prefill_seconds_(other.prefill_seconds_),
      decode_seconds_(other.decode_seconds_) {
  if (other.decoder_) decoder_.emplace(*other.decoder_);
}

void Session::begin_generation() {
  decoder_.reset();
  if (model_.tokenizer) decoder_.emplace(model_.tokenizer, !options_.include_special);
  stops_ = StopText(options_.stops);
  new_tokens_ = 0;
  decode_seconds_ = 0;
  finish_ = FinishReason::none;
  rest_given_ = false;
}

// Appends tokens to the cache and keeps the logits after the last one; on failure the cache is as before.
void Session::run(std::span<const int32_t> ids, const CancelToken* cancel) {
  const int64_t vocabulary = model_.transformer->spec().vocabulary;
  for (const int32_t id : ids)
    check(id >= 0 && id < vocabulary, Code::invalid_argument,
          "token id {} is beyond the model's vocabulary of {}", id, vocabulary);
  const int64_t held = std::max<int64_t>(cache_.length(), prompt_length_);
  check(held + static_cast<int64_t>(ids.size()) <= context_length_, Code::limit,
        "{} tokens after {} exceed the session's context length of {}", ids.size(), held, context_length_);
  const CancelScope scope(*context_, cancel);
  const int32_t before = cache_.length();
  std::vector<float> logits;
  try {
    logits = run_chunks(ids);
  } catch (...) {
    cache_.rewind(before);
    throw;
  }
  logits_ = std::move(logits);
  tokens_.insert(tokens_.end(), ids.begin(), ids.end());
}

// Logits after the last token.
std::vector<float> Session::run_chunks(std::span<const int32_t> ids) {
  std::vector<float> logits;
  for (size_t begin = 0; begin < ids.size(); begin += prefill_chunk) {
    const std::span<const int32_t> chunk = ids.subspan(begin, std::min(prefill_chunk, ids.size() - begin));
    std::vector<ActiveAdapters> active;
    if (!adapters_.empty()) active.push_back({0, 1, adapters_});
    const auto length = static_cast<int32_t>(chunk.size());
    Pass pass(workspace_, chunk, RowMap({{0, length, cache_.length(), 0}}), std::move(active), {&cache_});
    const bool last = begin + chunk.size() == ids.size();
    const int32_t wanted[] = {length - 1};
    const Hidden hidden = model_.transformer->forward(pass, wanted);
    if (last) logits = context_->to_host(model_.transformer->logits(pass, hidden));
  }
  return logits;
}

void Session::prefill(std::span<const int32_t> ids, const CancelToken* cancel) {
  check(!ids.empty(), Code::invalid_argument, "there are no tokens to prefill");
  const auto start = std::chrono::steady_clock::now();
  run(ids, cancel);
  begin_generation();
  prefill_seconds_ = seconds_since(start);
}

void Session::replace(std::span<const int32_t> ids, const CancelToken* cancel) {
  check(!ids.empty(), Code::invalid_argument, "there are no tokens to prefill");
  const auto start = std::chrono::steady_clock::now();
  // The last token is computed anew in any case: its logits are wanted.
  size_t same = 0;
  while (same < tokens_.size() && same + 1 < ids.size() && tokens_[same] == ids[same]) ++same;
  const KvSequence cache = cache_;
  const std::vector<int32_t> tokens = tokens_;
  const std::vector<float> logits = logits_;
  try {
    rewind(static_cast<int64_t>(same));
    run(ids.subspan(same), cancel);
  } catch (...) {
    cache_ = cache;
    tokens_ = tokens;
    logits_ = logits;
    throw;
  }
  begin_generation();
  prefill_seconds_ = seconds_since(start);
}

void Session::set_options(GenerationOptions options) {
  check_sampling(options.sampling);
  check(options.max_new_tokens >= 0, Code::invalid_argument, "max_new_tokens must not be negative, not {}",
        options.max_new_tokens);
  for (const std::string& stop : options.stops)
    check(!stop.empty(), Code::invalid_argument, "a stop string is empty");
  check(options.stops.empty() || model_.tokenizer, Code::state,
        "stop strings need a tokenizer, and the model has none");
  options_ = std::move(options);
  begin_generation();
}

bool Session::ends(int32_t token) const {
  return !options_.ignore_end &&
         std::find(model_.end_tokens.begin(), model_.end_tokens.end(), token) != model_.end_tokens.end();
}

std::string Session::text_of(int32_t token) {
  return decoder_ ? stops_.push(decoder_->step(token)) : std::string();
}

Piece Session::next() {
  Piece piece;
  if (finish_ != FinishReason::none) {
    piece.finish = finish_;
    if (rest_given_) {
      piece.end = true;
      return piece;
    }
    rest_given_ = true;
    if (decoder_ && finish_ != FinishReason::stop)
      piece.text = stops_.push(decoder_->finish()) + stops_.flush();
    piece.end = piece.text.empty();
    return piece;
  }
  check(!logits_.empty(), Code::state, "the session is empty or was rewound: prefill it first");
  if (options_.max_new_tokens > 0 && new_tokens_ >= options_.max_new_tokens) {
    finish_ = FinishReason::length;
    return next();
  }
  if (std::max<int64_t>(cache_.length(), prompt_length_) >= context_length_) {
    finish_ = FinishReason::context;
    return next();
  }
  const auto start = std::chrono::steady_clock::now();
  const Choice choice = choose_token(logits_, tokens_, options_.sampling, static_cast<uint64_t>(new_tokens_));
  piece.token = choice.token;
  piece.log_probability = choice.log_probability;
  piece.position = static_cast<int64_t>(tokens_.size());
  const bool end = ends(choice.token);
  const int32_t ids[] = {choice.token};
  run(ids, options_.cancel);
  ++new_tokens_;
  if (end) {
    finish_ = FinishReason::end_of_sequence;
    if (options_.include_special) piece.text = text_of(choice.token);
  } else {
    piece.text = text_of(choice.token);
    if (stops_.stopped()) finish_ = FinishReason::stop;
  }
  decode_seconds_ += seconds_since(start);
  return piece;
}

std::unique_ptr<Session> Session::fork() const {
  return std::unique_ptr<Session>(new Session(*this, make_context_()));
}

void Session::rewind(int64_t position) {
  check(position >= 0 && position <= static_cast<int64_t>(tokens_.size()), Code::invalid_argument,
        "position {} is beyond the session's {} tokens", position, tokens_.size());
  if (position == static_cast<int64_t>(tokens_.size())) return;
  // A prompt in the cache goes with the first token.
  cache_.rewind(position == 0 ? 0 : static_cast<int32_t>(position) + prompt_length_);
  tokens_.resize(static_cast<size_t>(position));
  logits_.clear();
  begin_generation();
}

int64_t Session::cache_bytes() const {
  return static_cast<int64_t>(cache_.pages().size()) * cache_.page_bytes();
}

int64_t Session::memory_bytes() const { return context_->pool().statistics().held; }

}  // namespace peft
