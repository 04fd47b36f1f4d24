// Calls into the library that are under way: when the process ends they are stopped before the ground goes.
#pragma once

namespace peft {

// Counts a call of this thread for as long as it lives.
class CallScope {
 public:
  CallScope() noexcept;
  CallScope(const CallScope&) = delete;
  CallScope& operator=(const CallScope&) = delete;
  ~CallScope();
};

// True on every thread but the one that called exit, from then on: work shall end at its next poll.
bool process_ends() noexcept;

// Exit will wait a second at most for the calls of other threads before it does what was asked for earlier.
// Call it after something was set up whose static destructors calls under way must not meet: what is
// registered last comes first.
void watch_exit() noexcept;

}  // namespace peft
