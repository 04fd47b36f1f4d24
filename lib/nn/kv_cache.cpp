#include "nn/kv_cache.h"

#include "base/checked.h"

namespace peft {
namespace {

const AttentionSpec& attention_of(const ModelSpec& spec) {
  for (const SublayerSpec& sublayer : spec.decoder.sublayers)
    for (const BodySpec& body : sublayer.bodies)
      if (const auto* attention = std::get_if<AttentionSpec>(&body)) return *attention;
  fail(Code::internal, "the model has no attention");
}

int64_t kv_width_of(const ModelSpec& spec) {
  const AttentionSpec& attention = attention_of(spec);
  return int64_t{attention.kv_heads} * attention.head_dim;
}

}  // namespace

KvSequence::KvSequence(const ModelSpec& spec, Context& context)
    : context_(&context),
      kv_width_(kv_width_of(spec)),
      dtype_(context.activation_type()),
      layers_(spec.decoder.layers) {}

int64_t KvSequence::page_bytes() const { return storage_bytes(dtype_, {page_tokens * kv_width_ * 2 * layers_}); }

void KvSequence::extend(int32_t count) {
  PEFT_ASSERT(count >= 0);
  const Shape page{page_tokens * kv_width_ * 2 * layers_};
  const int64_t needed = divide_up(int64_t{length_} + count, page_tokens);
  std::vector<Tensor> pages = pages_;
  // Tokens will be written behind `length_`: a page there that a fork also holds is copied first. `pages` holds one use.
  const size_t last = static_cast<size_t>(length_ / page_tokens);
  if (count > 0 && length_ % page_tokens != 0 && pages[last].storage().use_count() > 2) {
    Tensor copy = context_->empty_shared(page, dtype_);
    context_->backend().copy(pages[last].const_view(), copy.view());
    // Once this one lets go of the page, the fork may hold it alone and write to it, on a stream of its own.
    context_->backend().synchronize();
    pages[last] = copy;
  }
  while (static_cast<int64_t>(pages.size()) < needed) pages.push_back(context_->empty_shared(page, dtype_));
  pages_ = std::move(pages);
  length_ += count;
}

void KvSequence::rewind(int32_t length) {
  PEFT_ASSERT(length >= 0 && length <= length_);
  length_ = length;
  pages_.resize(static_cast<size_t>(divide_up(length, page_tokens)));
}

KvSequence KvSequence::fork(Context& context) const {
  KvSequence result = *this;
  result.context_ = &context;
  return result;
}

PageLayout KvSequence::layout(int32_t layer) const {
  const int64_t plane = page_tokens * kv_width_;
  return {page_tokens, plane * (2 * layer), plane * (2 * layer + 1)};
}

}  // namespace peft
