#include "text/stream_decoder.h"

#include "text/bridge.h"

namespace peft {

StreamDecoder::StreamDecoder(std::shared_ptr<const Tokenizer> tokenizer, bool skip_special_tokens)
    : tokenizer_(std::move(tokenizer)) {
  PEFT_ASSERT(tokenizer_ != nullptr);
  textrs_stream* handle = nullptr;
  BridgeBytes message;
  check_bridge(textrs_stream_new(skip_special_tokens, &handle, message.out()), message);
  handle_ = std::shared_ptr<textrs_stream>(handle, BridgeDeleter());
}

StreamDecoder::StreamDecoder(const StreamDecoder& other) : tokenizer_(other.tokenizer_) {
  textrs_stream* handle = nullptr;
  BridgeBytes message;
  check_bridge(
      textrs_stream_copy(static_cast<const textrs_stream*>(other.handle_.get()), &handle, message.out()),
      message);
  handle_ = std::shared_ptr<textrs_stream>(handle, BridgeDeleter());
}

std::string StreamDecoder::advance(int32_t id, bool finish) {
  BridgeBytes text, message;
  check_bridge(
      textrs_stream_step(static_cast<const textrs_tokenizer*>(tokenizer_->handle()),
                         static_cast<textrs_stream*>(handle_.get()), id, finish, text.out(), message.out()),
      message);
  return text.string();
}

std::string StreamDecoder::step(int32_t id) { return advance(id, /*finish=*/false); }

std::string StreamDecoder::finish() { return advance(0, /*finish=*/true); }

}  // namespace peft
