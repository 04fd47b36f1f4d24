// Keys and values of past tokens in pages of fixed size. Forks share pages; writing to a shared page copies it first.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "nn/spec.h"
#include "tensor/context.h"

namespace peft {

// One sequence's cache. One thread at a time.
class KvSequence {
 public:
  static constexpr int32_t page_tokens = 32;

  KvSequence(const ModelSpec& spec, Context& context);

  int32_t length() const { return length_; }  // tokens held
  // Makes room for `count` more tokens and counts them as held. Copies a shared last page.
  void extend(int32_t count);
  // Forgets everything from position `length` on.
  void rewind(int32_t length);
  // Another sequence with the same past, sharing its pages, for the same or another context of the device: pages do not come
  // from a pool, so the two may be used by two threads.
  KvSequence fork(Context& context) const;

  const std::vector<Tensor>& pages() const { return pages_; }
  PageLayout layout(int32_t layer) const;
  int64_t page_bytes() const;

 private:
  Context* context_;
  int64_t kv_width_;
  DType dtype_;
  int32_t layers_;
  int32_t length_ = 0;
  std::vector<Tensor> pages_;  // [page elements], f32 or bf16 as the context's activations are
};

}  // namespace peft
