// Which thread of the running block goes on, and what the others wait for.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "block.h"
#include "fiber.h"
#include "random.h"

namespace cuda_emulator {

enum class State : uint8_t { not_started, ready, running, at_barrier, at_warp_call, done };

// Lanes that meet in one warp call. Reused when the last lane has taken its value.
struct Meeting {
  unsigned wanted = 0;   // lanes named by the mask; 0: unused
  unsigned arrived = 0;  // all of `wanted`: complete
  unsigned taken = 0;    // lanes that went on
  WarpCall call = WarpCall::barrier;
  uint64_t values[32];
};

struct Copy {
  void* to;
  const void* from;
  size_t bytes;
};

struct Thread {
  Fiber* fiber = nullptr;  // while it waits
  Meeting* meeting = nullptr;
  State state = State::not_started;
  uint3 index;
  Site site = {};
  std::vector<Copy> copies;  // begun
};

// Chooses which thread runs next. One for the process: one block runs at a time.
class Scheduler {
 public:
  const char* run(const Launch& launch, uint64_t seed);
  std::string running_thread() const;
  void block_barrier(Site site);
  unsigned block_vote(bool yes, Site site);
  uint64_t warp_exchange(WarpCall call, unsigned mask, uint64_t value, unsigned source, Site site);
  void begin_copy(void* to, const void* from, size_t bytes);
  void finish_copies();
  void let_others_run();
  unsigned lane() const { return current_ % 32; }
  void at(Site site) { threads_[current_].site = site; }

  [[noreturn]] void problem(const char* format, ...) __attribute__((format(printf, 2, 3)));

 private:
  // How threads take turns; each block draws one, since each finds faults that others miss.
  enum class Turns : uint8_t { plain, newest_first, random };

  bool run_block();
  void order_threads();
  // Gives the processor away; returns when this thread goes on. With nobody to go on, the block is over or
  // stuck.
  void wait(State state, bool prefer_new = false);
  void go_on(uint32_t thread);
  void make_ready(uint32_t thread) {
    threads_[thread].state = State::ready;
    ready_.push_back(thread);
  }
  void release_barrier();
  Fiber* idle_fiber();
  void describe_stuck();
  static void fiber_main();
  bool choose(uint32_t* next, bool* starts, bool prefer_new = false);

  const Launch* launch_ = nullptr;
  Random random_{1};
  bool shuffled_ = true;
  Turns turns_ = Turns::plain;

  std::vector<Thread> threads_;
  std::vector<uint32_t> start_order_;
  size_t next_start_ = 0;
  std::vector<uint32_t> ready_;
  size_t plain_head_ = 0;  // Turns::plain takes from the front
  uint32_t current_ = 0;
  uint32_t start_next_ = 0;  // for a fiber that begins a thread
  uint32_t count_ = 0, done_ = 0, at_barrier_ = 0;
  unsigned votes_ = 0, last_votes_ = 0;
  std::vector<std::vector<std::unique_ptr<Meeting>>> meetings_;  // of each warp

  Fiber host_;
  std::vector<std::unique_ptr<Fiber>> fibers_;
  std::vector<Fiber*> idle_;
  Fiber* running_ = nullptr;
  bool failed_ = false;
  char text_[1024];
};

Scheduler& scheduler();

}  // namespace cuda_emulator
