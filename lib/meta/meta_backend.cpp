#include "meta/meta_backend.h"

#include <cstring>

#include "base/checked.h"

namespace peft {
namespace {

// Products of queries and keys that attention forms: heads * queries * keys, half of them under a causal
// mask.
int64_t attention_pairs(const AttentionOptions& options, int64_t queries, int64_t keys) {
  return options.heads * queries * keys / (options.causal ? 2 : 1);
}

}  // namespace

std::byte* MetaMemory::allocate(int64_t bytes) {
  check(bytes >= 0 && bytes <= int64_t{1} << 60, Code::out_of_memory, "meta memory: {} bytes requested",
        bytes);
  ++calls_;
  const int64_t held = held_ += taken(bytes);
  int64_t peak = peak_;
  while (held > peak && !peak_.compare_exchange_weak(peak, held)) {
  }
  // Never dereferenced; distinct and aligned like the real ones.
  return reinterpret_cast<std::byte*>(next_.fetch_add(round_up(bytes + 1, 4096)));
}

void MetaMemory::release(std::byte*, int64_t bytes) noexcept { held_ -= taken(bytes); }

int64_t MetaMemory::taken(int64_t bytes) const {
  if (!pages_) return bytes;
  constexpr int64_t large = int64_t{1} << 20;
  return round_up(bytes, bytes >= large ? 2 * large : int64_t{512});
}

MetaBackend::MetaBackend(std::shared_ptr<MetaMemory> memory, std::shared_ptr<MetaMemory> pinned,
                         std::shared_ptr<const Backend> target, int64_t own_bytes)
    : memory_(std::move(memory)), pinned_(std::move(pinned)), target_(std::move(target)), own_bytes_(own_bytes) {
  PEFT_ASSERT(memory_ != nullptr && target_ != nullptr);
  if (own_bytes_ > 0) own_ = memory_->allocate(own_bytes_);
}

MetaBackend::~MetaBackend() {
  if (own_) memory_->release(own_, own_bytes_);
}

void MetaBackend::receive(const std::byte*, std::byte* host, int64_t bytes) {
  if (bytes > 0) std::memset(host, 0, static_cast<size_t>(bytes));
}

void MetaBackend::matmul(const MatmulOptions& options, ConstView a, ConstView, View y, View) {
  const int64_t inner = options.kind == MatmulKind::tn ? a.rows() : a.columns();
  counts_.matmul_flops += 2 * y.rows() * y.columns() * inner;
}

void MetaBackend::attention(const AttentionOptions& options, ConstView q, ConstView k, ConstView, ConstView,
                            View, View, View) {
  counts_.attention_flops += 4 * options.head_dim * attention_pairs(options, q.rows(), k.rows());
}

// Five products instead of two: scores again, dv, dp, dq, dk.
void MetaBackend::attention_backward(const AttentionOptions& options, ConstView q, ConstView k, ConstView,
                                     ConstView, ConstView, ConstView, ConstView, View, View, View, View) {
  counts_.attention_flops += 10 * options.head_dim * attention_pairs(options, q.rows(), k.rows());
}

int64_t MetaBackend::matmul_scratch(const MatmulOptions& options, const Shape& a, const Shape& b,
                                    DType a_dtype, DType b_dtype) const {
  return target_->matmul_scratch(options, a, b, a_dtype, b_dtype);
}

int64_t MetaBackend::attention_scratch(const AttentionOptions& options, const Shape& q,
                                       const Shape& k, DType dtype) const {
  return target_->attention_scratch(options, q, k, dtype);
}

int64_t MetaBackend::attention_backward_scratch(const AttentionOptions& options, const Shape& q,
                                                const Shape& k, DType dtype) const {
  return target_->attention_backward_scratch(options, q, k, dtype);
}

int64_t MetaBackend::attention_paged_scratch(const AttentionOptions& options, const Shape& q,
                                             int64_t maximum_keys, DType dtype) const {
  return target_->attention_paged_scratch(options, q, maximum_keys, dtype);
}

}  // namespace peft
