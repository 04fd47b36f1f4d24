// Ctrl-C and SIGTERM: the first asks the running call to stop, the second ends the process at once.
#pragma once

#include "api.h"

namespace peft_cli {

// Call before any thread is made: the signals are blocked everywhere and one thread waits for them.
void watch_interrupts();

// The token to give to long calls. It stays signalled after the first Ctrl-C.
const peft_cancel* interrupt_token();
bool interrupted();

// Chat only: from now on a Ctrl-C outside of an AnswerScope ends the process, since nothing is lost.
void quit_when_idle();

// Chat only: a Ctrl-C stops the answer that is being made, not the program.
class AnswerScope {
 public:
  AnswerScope();
  ~AnswerScope();
  AnswerScope(const AnswerScope&) = delete;
  AnswerScope& operator=(const AnswerScope&) = delete;
  const peft_cancel* token() const { return token_.get(); }

 private:
  Cancel token_;
};

}  // namespace peft_cli
