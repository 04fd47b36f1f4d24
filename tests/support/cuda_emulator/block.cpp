// Barriers and warp calls, and what is said of those that not all threads reach.
#include "block.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstring>

#include "scheduler.h"
#include "symbols.h"

namespace cuda_emulator {
namespace {

bool same(const Site& a, const Site& b) { return a.line == b.line && a.file == b.file; }

const char* name_of(WarpCall call) {
  constexpr const char* names[] = {"__syncwarp",      "__shfl_sync",
                                   "__shfl_up_sync",  "__shfl_down_sync",
                                   "__shfl_xor_sync", "a vote (__ballot_sync, __any_sync, __all_sync)"};
  return names[static_cast<int>(call)];
}

}  // namespace

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

void Scheduler::begin_copy(void* to, const void* from, size_t bytes) {
  std::memset(to, 0xFF, bytes);
  threads_[current_].copies.push_back({to, from, bytes});
}

void Scheduler::finish_copies() {
  for (const Copy& copy : threads_[current_].copies) std::memcpy(copy.to, copy.from, copy.bytes);
  threads_[current_].copies.clear();
}

unsigned lane() { return scheduler().lane(); }
void block_barrier(Site site) { scheduler().block_barrier(site); }
unsigned block_vote(bool yes, Site site) { return scheduler().block_vote(yes, site); }
uint64_t warp_exchange(WarpCall call, unsigned mask, uint64_t value, unsigned source, Site site) {
  return scheduler().warp_exchange(call, mask, value, source, site);
}
void begin_copy(void* to, const void* from, size_t bytes) { scheduler().begin_copy(to, from, bytes); }
void finish_copies() { scheduler().finish_copies(); }
void let_others_run() { scheduler().let_others_run(); }
void kernel_problem(const char* text, Site site) {
  scheduler().at(site);
  scheduler().problem("%s", text);
}
std::string running_thread() { return scheduler().running_thread(); }
const char* run_blocks(const Launch& launch, uint64_t seed) { return scheduler().run(launch, seed); }

}  // namespace cuda_emulator
