// A request to stop, signalled from any thread and polled by long work at least once a layer.
#pragma once

#include <atomic>

#include "base/calls.h"
#include "base/error.h"

namespace peft {

class CancelToken {
 public:
  void signal() noexcept { signalled_.store(true, std::memory_order_release); }
  void clear() noexcept { signalled_.store(false, std::memory_order_release); }
  bool signalled() const noexcept { return signalled_.load(std::memory_order_acquire); }
  // Throws Code::cancelled when signalled.
  void poll() const { check(!signalled(), Code::cancelled, "cancelled"); }

 private:
  std::atomic<bool> signalled_{false};
};

// `token` may be null: work that only the end of the process cancels.
inline void poll(const CancelToken* token) {
  check(!process_ends(), Code::cancelled, "the process ends");
  if (token) token->poll();
}

}  // namespace peft
