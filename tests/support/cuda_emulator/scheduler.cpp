// Blocks, fibers and turns.
#include "scheduler.h"

#include <algorithm>
#include <cstdio>

#include "shared_memory.h"
#include "symbols.h"

namespace cuda_emulator {

Place place;

Scheduler& scheduler() {
  static auto* const one = new Scheduler;  // fibers outlive static destructors
  return *one;
}

namespace {

uint3 index_of(uint32_t thread, const dim3& size) {
  return {thread % size.x, thread / size.x % size.y, thread / size.x / size.y};
}

}  // namespace

const char* Scheduler::run(const Launch& launch, uint64_t seed) {
  launch_ = &launch;
  random_ = Random(seed);
  shuffled_ = seed != 0;
  count_ = launch.block.x * launch.block.y * launch.block.z;
  if (threads_.size() < count_) threads_.resize(count_);
  meetings_.resize(std::max<size_t>(meetings_.size(), (count_ + 31) / 32));
  for (uint32_t i = 0; i < count_; ++i) threads_[i].index = index_of(i, launch.block);
  start_order_.clear();  // orders depend on the seed alone
  place.block_size = launch.block;
  place.grid_size = launch.grid;
  fill_static_shared_memory(launch.kernel);
  set_dynamic_shared_memory(launch.shared_bytes);

  const uint64_t blocks = static_cast<uint64_t>(launch.grid.x) * launch.grid.y * launch.grid.z;
  // A walk that visits every block once: steps of a number without common divisor.
  const uint64_t step = shuffled_ ? random_.coprime_below(blocks) : 1;
  uint64_t block = shuffled_ ? random_.below(blocks) : 0;
  failed_ = false;
  for (uint64_t i = 0; i < blocks; ++i, block = (block + step) % blocks) {
    place.block = {static_cast<unsigned>(block % launch.grid.x),
                   static_cast<unsigned>(block / launch.grid.x % launch.grid.y),
                   static_cast<unsigned>(block / launch.grid.x / launch.grid.y)};
    if (!run_block()) break;
  }
  launch_ = nullptr;
  return failed_ ? text_ : nullptr;
}

void Scheduler::order_threads() {
  if (start_order_.size() != count_) {
    start_order_.resize(count_);
    for (uint32_t i = 0; i < count_; ++i) start_order_[i] = i;
  }
  if (!shuffled_) {
    turns_ = Turns::plain;
    std::sort(start_order_.begin(), start_order_.end());
    return;
  }
  const uint64_t draw = random_.below(4);
  turns_ = draw == 0 ? Turns::random : Turns::newest_first;
  if (draw < 2) {  // lanes of all warps mixed
    for (uint32_t i = count_; i > 1; --i) std::swap(start_order_[i - 1], start_order_[random_.below(i)]);
    return;
  }
  // Warp by warp, so that one may run far ahead of the others.
  const uint32_t warps = (count_ + 31) / 32;
  const uint64_t step = random_.coprime_below(warps), turn = random_.coprime_below(32);
  uint64_t warp = random_.below(warps), place_in_order = 0;
  for (uint32_t i = 0; i < warps; ++i, warp = (warp + step) % warps) {
    uint64_t lane = random_.below(32);
    for (int j = 0; j < 32; ++j, lane = (lane + turn) % 32)
      if (warp * 32 + lane < count_) start_order_[place_in_order++] = static_cast<uint32_t>(warp * 32 + lane);
  }
}

bool Scheduler::run_block() {
  order_threads();
  fill_dynamic_shared_memory();
  for (uint32_t i = 0; i < count_; ++i) {
    threads_[i].state = State::not_started;
    threads_[i].copies.clear();
  }
  next_start_ = 0, done_ = 0, at_barrier_ = 0, votes_ = 0;
  ready_.clear();
  plain_head_ = 0;

  Fiber* const first = idle_fiber();
  start_next_ = start_order_[next_start_++];
  running_ = first;
  Fiber::switch_to(host_, *first);

  if (!failed_ && done_ != count_) describe_stuck();
  if (!failed_ && !dynamic_shared_memory_is_intact()) {
    failed_ = true;
    std::snprintf(text_, sizeof text_, "kernel %s: writes outside of its dynamic shared memory",
                  kernel_name(launch_->kernel).c_str());
  }
  if (failed_) {  // stacks of threads that will never go on
    fibers_.clear();
    idle_.clear();
    for (auto& warp : meetings_) warp.clear();
    return false;
  }
  return true;
}

Fiber* Scheduler::idle_fiber() {
  if (idle_.empty()) {
    fibers_.push_back(std::make_unique<Fiber>(&Scheduler::fiber_main, fibers_.size()));
    return fibers_.back().get();
  }
  Fiber* const fiber = idle_.back();
  idle_.pop_back();
  return fiber;
}

// A fiber runs threads to their ends, one after another, as long as none of them waits.
void Scheduler::fiber_main() {
  Fiber::arrived();
  Scheduler& self = scheduler();
  for (;;) {
    const uint32_t thread = self.start_next_;
    self.go_on(thread);
    self.launch_->thread();
    self.threads_[thread].state = State::done;
    ++self.done_;
    uint32_t next;
    bool starts;
    Fiber* const own = self.running_;
    if (!self.choose(&next, &starts)) {
      self.idle_.push_back(own);
      Fiber::switch_to(*own, self.host_);
    } else if (starts) {
      self.start_next_ = next;
      continue;
    } else {
      self.idle_.push_back(own);
      self.running_ = self.threads_[next].fiber;
      self.current_ = next;
      Fiber::switch_to(*own, *self.running_);
    }
    // Taken from the idle ones for another thread: start_next_.
  }
}

void Scheduler::go_on(uint32_t thread) {
  current_ = thread;
  threads_[thread].state = State::running;
  place.thread = threads_[thread].index;
}

// Whose turn it is; false: nobody can go on.
bool Scheduler::choose(uint32_t* next, bool* starts, bool prefer_new) {
  const size_t waiting = count_ - next_start_;
  const size_t ready = ready_.size() - plain_head_;
  if (waiting + ready == 0) return false;
  switch (turns_) {
    case Turns::plain:
      *starts = waiting > 0;
      break;
    case Turns::newest_first:
      *starts = ready == 0 || (prefer_new && waiting > 0);
      break;
    case Turns::random:
      *starts = random_.below(waiting + ready) < waiting;
      break;
  }
  if (*starts) {
    *next = start_order_[next_start_++];
    return true;
  }
  if (turns_ == Turns::plain) {
    *next = ready_[plain_head_++];
    if (plain_head_ == ready_.size()) ready_.clear(), plain_head_ = 0;
    return true;
  }
  if (turns_ == Turns::random) std::swap(ready_[random_.below(ready)], ready_.back());
  *next = ready_.back();
  ready_.pop_back();
  return true;
}

void Scheduler::wait(State state, bool prefer_new) {
  const uint32_t self = current_;
  Fiber* const own = running_;
  threads_[self].state = state;
  threads_[self].fiber = own;
  uint32_t next;
  bool starts;
  if (!choose(&next, &starts, prefer_new)) {
    Fiber::switch_to(*own, host_);  // stuck: never comes back
  } else {
    if (starts) {
      start_next_ = next;
      running_ = idle_fiber();
    } else {
      running_ = threads_[next].fiber;
    }
    if (running_ != own) Fiber::switch_to(*own, *running_);
  }
  go_on(self);
  running_ = own;
}

// To the end of the line, whatever the turns are.
void Scheduler::let_others_run() {
  const bool from_front = turns_ == Turns::plain;
  ready_.insert(from_front ? ready_.end() : ready_.begin(), current_);
  wait(State::ready, true);
}

}  // namespace cuda_emulator
