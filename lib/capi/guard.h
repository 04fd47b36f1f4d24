// The only place where exceptions end: status and message of every C call.
#pragma once

#include <string_view>
#include <type_traits>

#include "base/calls.h"
#include "peft/base.h"

namespace peft::capi {

// A child of fork has none of the library's threads, and its locks may be held for ever.
bool in_forked_child() noexcept;
// Clears the thread's message, refuses a forked child. PEFT_OK, or the status to return at once.
peft_status begin_call() noexcept;
// Status of the exception in flight; its message becomes the thread's. Call inside a catch block.
peft_status translate_exception() noexcept;
// The thread's last message; empty after a call that succeeded. Valid until the thread's next call.
std::string_view last_message() noexcept;
// A message for a call that succeeds with information (PEFT_NOTE).
void set_message(std::string_view message) noexcept;

// Gives the messages' place back, at unload: those of other threads stay behind.
void forget_messages() noexcept;

// Runs the body of a C function. It returns a peft_status, or nothing for PEFT_OK.
template <typename Body>
peft_status guard(Body&& body) noexcept {
  const CallScope scope;
  if (const peft_status status = begin_call(); status != PEFT_OK) return status;
  try {
    if constexpr (std::is_void_v<decltype(body())>) {
      body();
      return PEFT_OK;
    } else {
      return body();
    }
  } catch (...) {
    return translate_exception();
  }
}

}  // namespace peft::capi
