#include "base/calls.h"

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <thread>

namespace peft {

namespace {

constinit std::atomic<int> under_way{0};
constinit std::atomic<bool> ending{false};
constinit thread_local int depth = 0;
constinit thread_local bool exits_here = false;
const pid_t process_at_load = getpid();

// Runs at exit, and at unload, where nobody may be inside.
void stop_calls() {
  if (getpid() != process_at_load) return;  // a forked child has none of the threads
  exits_here = true;
  ending = true;
  const int own = depth > 0 ? 1 : 0;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(1);
  while (under_way > own && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(std::chrono::microseconds(200));
}

}  // namespace

CallScope::CallScope() noexcept {
  if (depth++ == 0) ++under_way;
}

CallScope::~CallScope() {
  if (--depth == 0) --under_way;
}

bool process_ends() noexcept { return ending && !exits_here; }

void watch_exit() noexcept { std::atexit(stop_calls); }

}  // namespace peft
