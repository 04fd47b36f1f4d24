#include "interrupt.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <mutex>
#include <thread>

#include "terminal.h"

namespace peft_cli {
namespace {

constexpr int interrupted_status = 130;

std::atomic<int> signals{0};
std::atomic<bool> quits_when_idle{false};
std::mutex mutex;
const peft_cancel* answer = nullptr;  // guarded by mutex

// Never freed: the waiting thread may use it until the process ends.
peft_cancel* token() {
  static peft_cancel* const cancel = make<Cancel>(peft_cancel_create).release();
  return cancel;
}

void wait_for_signals(sigset_t set) {
  for (int number = 0; sigwait(&set, &number) == 0;) {
    {
      const std::lock_guard lock(mutex);
      if (answer) {
        peft_cancel_signal(answer);
        answer = nullptr;
        continue;
      }
    }
    if (++signals > 1 || quits_when_idle) _exit(interrupted_status);
    peft_cancel_signal(token());
  }
}

}  // namespace

void watch_interrupts() {
  token();
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  // Also where the parent ignored them, as shells do for jobs in the background: a kill -INT is meant.
  signal(SIGINT, SIG_DFL);
  signal(SIGTERM, SIG_DFL);
  signal(SIGPIPE, SIG_DFL);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::thread(wait_for_signals, set).detach();
}

const peft_cancel* interrupt_token() { return token(); }
void quit_when_idle() { quits_when_idle = true; }
bool interrupted() { return signals > 0; }

AnswerScope::AnswerScope() : token_(make<Cancel>(peft_cancel_create)) {
  const std::lock_guard lock(mutex);
  answer = token_.get();
}

AnswerScope::~AnswerScope() {
  const std::lock_guard lock(mutex);
  answer = nullptr;
}

}  // namespace peft_cli
