#include "autograd/offload.h"

#include <utility>

#include "base/error.h"

namespace peft {
namespace {

// Buffers that are kept while they are copied away: the copy of one layer's input has the next layer's time.
constexpr size_t most_leaving = 1;

MemoryPool& pinned_pool_of(Context& context) {
  MemoryPool* const pool = context.pinned_pool();
  check(pool != nullptr, Code::unsupported,
        "layer inputs cannot be offloaded to host memory: the model's device has no other memory");
  return *pool;
}

}  // namespace

Offload::Offload(Context& context) : context_(context), pinned_(pinned_pool_of(context)) {}

Offload::~Offload() {
  try {
    let_go(0);
    while (!entries_.empty()) forget_last();
  } catch (const Error&) {  // a lost device computes nothing any more
  }
}

void Offload::let_go(size_t but) {
  while (leaving_.size() > but) {
    context_.backend().join_copy(leaving_.front().ticket);
    leaving_.pop_front();
  }
}

size_t Offload::put(const Tensor& x) {
  PEFT_ASSERT(x.dense());
  let_go(most_leaving);
  const int64_t bytes = storage_bytes(x.dtype(), x.shape());
  Entry entry;
  entry.shape = x.shape();
  entry.dtype = x.dtype();
  entry.host = pinned_.allocate(bytes);
  const int64_t ticket = context_.backend().begin_copy(x.view().data, entry.host->data(), bytes);
  leaving_.push_back({x.detached(), ticket});
  entries_.push_back(std::move(entry));
  return entries_.size() - 1;
}

void Offload::fetch(Entry& entry) {
  entry.back = context_.empty(entry.shape, entry.dtype);
  entry.ticket = context_.backend().begin_copy(entry.host->data(), entry.back.view().data,
                                               storage_bytes(entry.dtype, entry.shape));
}

// Its host memory may be copied to again at once: copies run in their order.
void Offload::forget_last() {
  if (entries_.back().back) context_.backend().join_copy(entries_.back().ticket);
  entries_.pop_back();
}

Tensor Offload::take(size_t number) {
  PEFT_ASSERT(number < entries_.size());
  let_go(0);
  while (entries_.size() > number + 1) forget_last();
  Entry& entry = entries_[number];
  if (!entry.back) fetch(entry);
  if (number > 0) fetch(entries_[number - 1]);
  context_.backend().join_copy(entry.ticket);
  Tensor back = std::exchange(entry.back, Tensor());
  forget_last();
  return back;
}

}  // namespace peft
