#include "base/threads.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <climits>
#include <exception>
#include <mutex>

#include "base/error.h"
#include "base/process.h"

namespace peft {
namespace {

constexpr int maximum_workers = 255;
// Longer than the gap between two loops of a training step, short enough not to burn an idle core.
constexpr std::chrono::microseconds spin_time{100};

using Word = std::atomic<uint32_t>;
static_assert(sizeof(Word) == 4 && Word::is_always_lock_free);

void futex_wait(Word* word, uint32_t expected) {
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, expected, nullptr, nullptr, 0);
}

// Takes an address, not a reference: the word may already be gone, and then a stray wake harms nobody.
void futex_wake(void* word) { syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0); }

void pause_briefly() {
  for (int i = 0; i < 16; ++i) __builtin_ia32_pause();
}

// True when `done` held within the spin time. Where spinning would keep the other thread away: false at once.
template <typename Condition>
bool spin_until(Condition&& done) {
  static const bool may_spin = available_threads() > 1;
  if (done()) return true;
  if (!may_spin) return false;
  const auto deadline = std::chrono::steady_clock::now() + spin_time;
  do {
    for (int i = 0; i < 8; ++i) {
      pause_briefly();
      if (done()) return true;
    }
    // On a loaded machine the thread waited for may stand behind this one on the same CPU.
    sched_yield();
  } while (std::chrono::steady_clock::now() < deadline);
  return false;
}

// One parallel_for; lives on the caller's stack until no worker holds it.
struct alignas(64) Job {
  Job(int64_t count_, int64_t grain_, SliceFunction body_)
      : count(count_), grain(grain_), slices((count_ - 1) / grain_ + 1), body(body_) {}

  void run() noexcept {
    for (;;) {
      const int64_t slice = next.fetch_add(1, std::memory_order_relaxed);
      if (slice >= slices || failed.load(std::memory_order_relaxed)) return;
      const int64_t begin = slice * grain;
      try {
        body(begin, begin + std::min(grain, count - begin));
      } catch (...) {
        if (!failed.exchange(true, std::memory_order_relaxed)) error = std::current_exception();
      }
    }
  }

  const int64_t count, grain, slices;
  const SliceFunction body;
  std::atomic<int64_t> next{0};
  std::atomic<bool> failed{false};
  std::exception_ptr error;
  // Workers that may still touch this job, and whether the caller sleeps until there are none.
  static constexpr uint32_t caller_sleeps = 1u << 31;
  Word holders{0};
};

// What a worker's place holds: nothing, an idle worker, a job handed to it, or (lowest bit) the job it runs.
constexpr uintptr_t absent = 0, idle = 1, running = 1;

struct alignas(64) Place {
  std::atomic<uintptr_t> state{absent};
  Word asleep{0};
  pthread_t thread{};
};

// Constant-initialized, trivially destructible: usable from the host's static constructors and destructors.
constinit Place places[maximum_workers];
constinit std::atomic<int> started{0};
constinit std::atomic<pid_t> owner{0};  // process that started the workers
constinit std::atomic<bool> stopping{false};
constinit std::mutex start_mutex;

constinit thread_local bool is_worker = false;
constinit thread_local bool inside_loop = false;

void release(Job* job) {
  if (job->holders.fetch_sub(1, std::memory_order_acq_rel) == (Job::caller_sleeps | 1))
    futex_wake(&job->holders);
}

void wake(Place& place) {
  if (place.asleep.exchange(0) != 0) futex_wake(&place.asleep);
}

void sleep_until_called(Place& place) {
  place.asleep.store(1);
  // Pairs with wake(): either this load sees the job, or the caller sees `asleep`.
  if (place.state.load() <= idle && !stopping.load()) futex_wait(&place.asleep, 1);
  place.asleep.store(0);
}

void* work(void* argument) {
  Place& place = *static_cast<Place*>(argument);
  is_worker = inside_loop = true;
  for (;;) {
    uintptr_t state = absent;
    const bool called = spin_until([&] {
      state = place.state.load(std::memory_order_acquire);
      return state > idle || (stopping.load(std::memory_order_relaxed) && state == idle);
    });
    if (!called) {
      sleep_until_called(place);
    } else if (state == idle) {
      if (place.state.compare_exchange_strong(state, absent)) return nullptr;
    } else if (place.state.compare_exchange_strong(state, state | running, std::memory_order_acq_rel)) {
      Job* job = reinterpret_cast<Job*>(state);
      job->run();
      place.state.store(idle, std::memory_order_release);
      release(job);
    }
  }
}

void check_process() {
  const pid_t process = owner.load(std::memory_order_relaxed);
  check(process == 0 || process == getpid(), Code::forked,
        "this process was forked from one that runs the library's threads; load the library after fork "
        "instead");
}

// Starts workers until `wanted` exist. A system that refuses more threads leaves the loop with fewer.
void start_workers(int wanted) {
  wanted = std::min(wanted, maximum_workers);
  if (started.load(std::memory_order_acquire) >= wanted) return;
  std::lock_guard lock(start_mutex);
  sigset_t everything, before;
  sigfillset(&everything);
  pthread_sigmask(SIG_SETMASK, &everything, &before);
  owner.store(getpid(), std::memory_order_relaxed);
  int count = started.load(std::memory_order_relaxed);
  while (count < wanted) {
    Place& place = places[count];
    if (pthread_create(&place.thread, nullptr, work, &place) != 0) break;
    pthread_setname_np(place.thread, "peft");
    place.state.store(idle);
    ++count;
  }
  started.store(count, std::memory_order_release);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

// Hands `job` to up to `wanted` idle workers; returns the number of places looked at.
int hand_out(Job& job, int wanted) {
  const int places_now = std::min(started.load(std::memory_order_acquire), maximum_workers);
  int at = 0;
  for (; at < places_now && wanted > 0; ++at) {
    Place& place = places[at];
    uintptr_t expected = idle;
    if (place.state.load(std::memory_order_relaxed) != idle) continue;
    job.holders.fetch_add(1, std::memory_order_relaxed);
    if (place.state.compare_exchange_strong(expected, reinterpret_cast<uintptr_t>(&job))) {
      wake(place);
      --wanted;
    } else {
      job.holders.fetch_sub(1, std::memory_order_relaxed);
    }
  }
  return at;
}

// Takes the job back from workers that have not begun, then waits for those that have.
void collect(Job& job, int looked_at) {
  for (int at = 0; at < looked_at; ++at) {
    uintptr_t expected = reinterpret_cast<uintptr_t>(&job);
    if (places[at].state.load(std::memory_order_relaxed) == expected &&
        places[at].state.compare_exchange_strong(expected, idle))
      job.holders.fetch_sub(1, std::memory_order_relaxed);
  }
  if (spin_until([&] { return job.holders.load(std::memory_order_acquire) == 0; })) return;
  uint32_t holders = job.holders.fetch_or(Job::caller_sleeps, std::memory_order_acq_rel) | Job::caller_sleeps;
  while (holders != Job::caller_sleeps) {
    futex_wait(&job.holders, holders);
    holders = job.holders.load(std::memory_order_acquire);
  }
}

void run_inline(int64_t count, int64_t grain, SliceFunction body) {
  for (int64_t begin = 0; begin < count;) {
    const int64_t size = std::min(grain, count - begin);
    body(begin, begin + size);
    begin += size;
  }
}

}  // namespace

int available_threads() {
  int count = 0;
  // Machines with more CPUs than cpu_set_t holds make the call fail with EINVAL.
  for (int cpus = CPU_SETSIZE; cpus <= (1 << 16) && count == 0; cpus *= 2) {
    cpu_set_t* set = CPU_ALLOC(cpus);
    if (!set) break;
    const size_t bytes = CPU_ALLOC_SIZE(cpus);
    if (sched_getaffinity(0, bytes, set) == 0) count = CPU_COUNT_S(bytes, set);
    CPU_FREE(set);
  }
  const int quota = cgroup_cpus();
  if (quota > 0) count = std::min(count, quota);
  return std::clamp(count, 1, maximum_workers + 1);
}

void parallel_for(int64_t count, int64_t grain, int threads, SliceFunction body) {
  PEFT_ASSERT(grain > 0);
  if (count <= 0) return;
  if (threads <= 1 || count <= grain || inside_loop) return run_inline(count, grain, body);
  check_process();
  Job job(count, grain, body);
  const int helpers = static_cast<int>(std::min<int64_t>(threads, job.slices)) - 1;
  start_workers(helpers);
  const int looked_at = hand_out(job, helpers);
  inside_loop = true;
  job.run();
  inside_loop = false;
  collect(job, looked_at);
  if (job.error) std::rethrow_exception(std::move(job.error));
}

void shut_down_threads() {
  // A forked child has none of the threads; a worker cannot wait for itself.
  if (is_worker || owner.load() != getpid()) return;
  std::lock_guard lock(start_mutex);
  stopping.store(true);
  const int count = started.load();
  for (int at = 0; at < count; ++at) wake(places[at]);
  for (int at = 0; at < count; ++at) pthread_join(places[at].thread, nullptr);
  started.store(0);
  owner.store(0);
  stopping.store(false);
}

}  // namespace peft
