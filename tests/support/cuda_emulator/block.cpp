#include "block.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <memory>
#include <vector>

#include "fiber.h"
#include "random.h"
#include "shared_memory.h"
#include "symbols.h"

namespace cuda_emulator {

Place place;

namespace {

enum class State : uint8_t { not_started, ready, running, at_barrier, at_warp_call, done };

// Lanes that meet in one warp call. Reused when the last lane has taken its value.
struct Meeting {
  unsigned wanted = 0;   // lanes named by the mask; 0: unused
  unsigned arrived = 0;  // all of `wanted`: complete
  unsigned taken = 0;    // lanes that went on
  WarpCall call = WarpCall::barrier;
  uint64_t values[32];
};

struct Thread {
  Fiber* fiber = nullptr;  // while it waits
  Meeting* meeting = nullptr;
  State state = State::not_started;
  uint3 index;
  Site site = {};
};

bool same(const Site& a, const Site& b) { return a.line == b.line && a.file == b.file; }

const char* name_of(WarpCall call) {
  constexpr const char* names[] = {"__syncwarp",      "__shfl_sync",
                                   "__shfl_up_sync",  "__shfl_down_sync",
                                   "__shfl_xor_sync", "a vote (__ballot_sync, __any_sync, __all_sync)"};
  return names[static_cast<int>(call)];
}

// Chooses which thread runs next. One for the process: one block runs at a time.
class Scheduler {
 public:
  const char* run(const Launch& launch, uint64_t seed);
  std::string running_thread() const;
  void block_barrier(Site site);
  unsigned block_vote(bool yes, Site site);
  uint64_t warp_exchange(WarpCall call, unsigned mask, uint64_t value, unsigned source, Site site);
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

Scheduler& scheduler() {
  static auto* const one = new Scheduler;  // fibers outlive static destructors
  return *one;
}

uint3 index_of(uint32_t thread, const dim3& size) {
  return {thread % size.x, thread / size.x % size.y, thread / size.x / size.y};
}

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
  for (uint32_t i = 0; i < count_; ++i) threads_[i].state = State::not_started;
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

void Scheduler::release_barrier() {
  at_barrier_ = 0;
  last_votes_ = votes_;
  votes_ = 0;
  const uint32_t first = shuffled_ ? static_cast<uint32_t>(random_.below(count_)) : 0;
  const auto step = shuffled_ ? static_cast<uint32_t>(random_.coprime_below(count_)) : 1;
  for (uint32_t i = 0, thread = first; i < count_; ++i, thread = (thread + step) % count_)
    if (thread != current_) make_ready(thread);
}

void Scheduler::block_barrier(Site site) {
  Thread& self = threads_[current_];
  self.site = site;
  if (++at_barrier_ == count_) {
    for (uint32_t i = 0; i < count_; ++i)
      if (!same(threads_[i].site, site)) {
        self.state = State::at_barrier;
        describe_stuck();
        Fiber::switch_to(*running_, host_);
      }
    release_barrier();
    return;
  }
  wait(State::at_barrier);
}

unsigned Scheduler::block_vote(bool yes, Site site) {
  votes_ += yes;
  block_barrier(site);
  return last_votes_;
}

uint64_t Scheduler::warp_exchange(WarpCall call, unsigned mask, uint64_t value, unsigned source, Site site) {
  const unsigned lane = current_ % 32, bit = 1u << lane;
  const uint32_t warp = current_ / 32, lanes = std::min(32u, count_ - warp * 32);
  Thread& self = threads_[current_];
  self.site = site;
  if (!(mask & bit))
    problem("%s with mask %08x, which does not name the calling lane %u", name_of(call), mask, lane);
  if (lanes < 32 && mask >> lanes != 0)
    problem("%s with mask %08x in a warp of %u lanes", name_of(call), mask, lanes);

  auto& meetings = meetings_[warp];
  Meeting* meeting = nullptr;
  for (const auto& candidate : meetings) {
    // One that waits for this very lane.
    if (!(candidate->wanted & ~candidate->arrived & bit)) continue;
    if (candidate->wanted != mask || candidate->call != call)
      problem("lane %u calls %s with mask %08x where other lanes wait for it in %s with mask %08x", lane,
              name_of(call), mask, name_of(candidate->call), candidate->wanted);
    meeting = candidate.get();
    break;
  }
  if (!meeting) {
    for (const auto& candidate : meetings)
      if (candidate->wanted == 0) meeting = candidate.get();
    if (!meeting) {
      meetings.push_back(std::make_unique<Meeting>());
      meeting = meetings.back().get();
    }
    meeting->wanted = mask;
    meeting->arrived = meeting->taken = 0;
    meeting->call = call;
  }
  meeting->values[lane] = value;
  meeting->arrived |= bit;
  if (meeting->arrived != mask) {
    self.meeting = meeting;
    wait(State::at_warp_call);
  } else {
    const unsigned first = shuffled_ ? static_cast<unsigned>(random_.below(32)) : 0;
    const unsigned step = shuffled_ ? static_cast<unsigned>(random_.below(16)) * 2 + 1 : 1;
    for (unsigned i = 0, other = first; i < 32; ++i, other = (other + step) % 32)
      if (other != lane && mask >> other & 1u) make_ready(warp * 32 + other);
  }
  uint64_t result = 0;
  if (call == WarpCall::ballot) {
    for (unsigned i = 0; i < 32; ++i)
      if (mask >> i & 1u && meeting->values[i] != 0) result |= 1u << i;
  } else if (call != WarpCall::barrier) {
    if (!(mask >> source & 1u))
      problem("%s reads lane %u, which mask %08x does not name", name_of(call), source, mask);
    result = meeting->values[source];
  }
  meeting->taken |= bit;
  if (meeting->taken == mask) meeting->wanted = 0;
  return result;
}

// Names the kernel, the block and the first threads that keep others waiting.
void Scheduler::describe_stuck() {
  failed_ = true;
  uint32_t counts[6] = {};
  const Thread* at_barrier = nullptr;
  const Thread* elsewhere = nullptr;  // at another barrier
  const Thread* in_warp = nullptr;
  for (uint32_t i = 0; i < count_; ++i) {
    const Thread& thread = threads_[i];
    ++counts[static_cast<int>(thread.state)];
    if (thread.state == State::at_warp_call && !in_warp) in_warp = &thread;
    if (thread.state != State::at_barrier) continue;
    if (!at_barrier) at_barrier = &thread;
    if (!same(thread.site, at_barrier->site)) elsewhere = &thread;
  }
  char what[256] = "", other[128] = "";
  if (in_warp) {
    const Meeting& meeting = *in_warp->meeting;
    std::snprintf(what, sizeof what, "%s at %s:%d waits for lanes %08x of a mask of %08x",
                  name_of(meeting.call), in_warp->site.file, in_warp->site.line,
                  meeting.wanted & ~meeting.arrived, meeting.wanted);
  } else if (at_barrier) {
    std::snprintf(what, sizeof what, "__syncthreads at %s:%d is not reached by all threads",
                  at_barrier->site.file, at_barrier->site.line);
  }
  if (elsewhere)
    std::snprintf(other, sizeof other, ", some wait at %s:%d", elsewhere->site.file, elsewhere->site.line);
  std::snprintf(
      text_, sizeof text_,
      "kernel %s, block (%u,%u,%u) of %u threads: %s%s (%u at a barrier, %u in a warp call, %u ended)",
      kernel_name(launch_->kernel).c_str(), place.block.x, place.block.y, place.block.z, count_, what, other,
      counts[static_cast<int>(State::at_barrier)], counts[static_cast<int>(State::at_warp_call)],
      counts[static_cast<int>(State::done)]);
}

std::string Scheduler::running_thread() const {
  if (!launch_) return {};
  const uint3 block = place.block, thread = place.thread;
  char text[128];
  std::snprintf(text, sizeof text, ", block (%u,%u,%u), thread (%u,%u,%u)", block.x, block.y, block.z,
                thread.x, thread.y, thread.z);
  return "kernel " + kernel_name(launch_->kernel) + text;
}

void Scheduler::problem(const char* format, ...) {
  const Site site = threads_[current_].site;
  const int used =
      std::snprintf(text_, sizeof text_, "%s, %s:%d: ", running_thread().c_str(), site.file, site.line);
  if (used > 0 && used < static_cast<int>(sizeof text_)) {
    va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(text_ + used, sizeof text_ - static_cast<size_t>(used), format, arguments);
    va_end(arguments);
  }
  failed_ = true;
  Fiber::switch_to(*running_, host_);
  __builtin_unreachable();
}

}  // namespace

unsigned lane() { return scheduler().lane(); }
void block_barrier(Site site) { scheduler().block_barrier(site); }
unsigned block_vote(bool yes, Site site) { return scheduler().block_vote(yes, site); }
uint64_t warp_exchange(WarpCall call, unsigned mask, uint64_t value, unsigned source, Site site) {
  return scheduler().warp_exchange(call, mask, value, source, site);
}
void let_others_run() { scheduler().let_others_run(); }
void kernel_problem(const char* text, Site site) {
  scheduler().at(site);
  scheduler().problem("%s", text);
}
std::string running_thread() { return scheduler().running_thread(); }
const char* run_blocks(const Launch& launch, uint64_t seed) { return scheduler().run(launch, seed); }

}  // namespace cuda_emulator
