#include "cuda/launch_queue.h"

#include <pthread.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <utility>

#include "base/log.h"

namespace peft::cuda {
namespace {

// Taken before the lock of a queue.
struct Registry {
  std::mutex lock;
  std::vector<LaunchQueue*> queues;
};
Registry& registry() {
  static auto* const one = new Registry;  // memory is released while the process ends, too
  return *one;
}

// Not a thread_local variable: the emulation takes those of this module for shared memory of blocks. Never deleted, for
// kernels may be started while the process ends.
pthread_key_t current_scope() {
  static const pthread_key_t key = [] {
    pthread_key_t made;
    PEFT_ASSERT(pthread_key_create(&made, nullptr) == 0);
    return made;
  }();
  return key;
}

bool is_set(const char* name, bool otherwise) {
  const char* const value = std::getenv(name);
  return value && *value ? std::string(value) != "0" : otherwise;
}

// What a kernel has of shared memory: its own, and what its launches were allowed so far. Never deleted.
struct SharedMemory {
  size_t own = 0, allowed = 0;
};
std::mutex& shared_memory_lock() {
  static auto* const one = new std::mutex;
  return *one;
}
SharedMemory& shared_memory_of(const void* kernel) {  // under the lock
  static auto& known = *new std::map<std::pair<int, const void*>, SharedMemory>;
  int device = 0;
  check_cuda(cudaGetDevice(&device), "cudaGetDevice");
  const auto [place, is_new] = known.try_emplace({device, kernel});
  if (is_new) {
    cudaFuncAttributes attributes{};
    if (const cudaError_t status = cudaFuncGetAttributes(&attributes, kernel); status != cudaSuccess) {
      known.erase(place);
      check_cuda(status, "cudaFuncGetAttributes");
    }
    place->second.own = attributes.sharedSizeBytes;
  }
  return place->second;
}

// A kernel's own shared memory and that of a launch together may be 48 KiB. More is asked for once for each kernel and
// size, and never less of it again: launches of other threads, and graphs, may need what was asked for before.
void allow_shared_memory(const KernelLaunch& launch) {
  constexpr size_t always_allowed = 48 * 1024;
  // No kernel declares more (tests/cuda_module/resources.py), so that these need no look-up.
  constexpr size_t most_own = 34 * 1024;
  if (launch.shared_bytes <= always_allowed - most_own) return;
  const std::lock_guard guard(shared_memory_lock());
  SharedMemory& memory = shared_memory_of(launch.kernel);
  if (launch.shared_bytes + memory.own <= always_allowed || launch.shared_bytes <= memory.allowed) return;
  check_cuda(cudaFuncSetAttribute(launch.kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                  static_cast<int>(launch.shared_bytes)),
             "cudaFuncSetAttribute");
  memory.allowed = launch.shared_bytes;
}

}  // namespace

size_t static_shared_bytes(const void* kernel) {
  const std::lock_guard guard(shared_memory_lock());
  return shared_memory_of(kernel).own;
}

QueueScope::QueueScope(LaunchQueue& queue, const char* what)
    : queue_(queue), what_(what), before_(current()) {
  // The first time for a thread it may want memory.
  check(pthread_setspecific(current_scope(), this) == 0, Code::out_of_memory, "no host memory");
}
QueueScope::~QueueScope() { pthread_setspecific(current_scope(), before_); }
QueueScope* QueueScope::current() { return static_cast<QueueScope*>(pthread_getspecific(current_scope())); }

void start_or_queue(cudaStream_t stream, const KernelLaunch& launch, const std::byte* arguments) {
  allow_shared_memory(launch);
  QueueScope* const scope = QueueScope::current();
  if (scope && scope->queue().stream() == stream) return scope->queue().add(launch, arguments, scope->what());
  Window alone;
  alone.add(launch, arguments, "a kernel");
  start_now(stream, alone, 0);
}

cudaStream_t ordered(cudaStream_t stream) {
  QueueScope* const scope = QueueScope::current();
  if (scope && scope->queue().stream() == stream) scope->queue().start();
  return stream;
}

void start_queued(int32_t device) noexcept {
  Registry& all = registry();
  const std::lock_guard lock(all.lock);
  for (LaunchQueue* queue : all.queues)
    if (queue->device() == device) queue->start_for_others();
}

LaunchQueue::LaunchQueue(int32_t device, cudaStream_t stream)
    : device_(device),
      stream_(stream),
      queues_(is_set("LIBPEFT_CUDA_GRAPHS", true) && !is_set("CUDA_LAUNCH_BLOCKING", false)) {
  waiting_.reserve(window);
  const std::lock_guard lock(registry().lock);
  registry().queues.push_back(this);
}

LaunchQueue::~LaunchQueue() {
  {
    const std::lock_guard lock(registry().lock);
    std::erase(registry().queues, this);
  }
  start_for_others();
}

void LaunchQueue::add(const KernelLaunch& launch, const std::byte* arguments, const char* what) {
  Lock lock(lock_);
  throw_kept();
  waiting_.add(launch, arguments, what);
  if (queues_ && waiting_.size() < full_) [[likely]]
    return;
  start_window();
  full_ = std::min(2 * full_, window);
  unlock_and_warn(lock);
}

void LaunchQueue::start() {
  Lock lock(lock_);
  throw_kept();
  full_ = first_window;
  if (waiting_.size() == 0) return;
  start_window();
  unlock_and_warn(lock);
}

void LaunchQueue::start_for_others() noexcept {
  const std::lock_guard lock(lock_);
  if (waiting_.size() == 0) return;
  try {
    start_window();
  } catch (...) {
    if (!kept_) kept_ = std::current_exception();
  }
}

void LaunchQueue::throw_kept() {
  if (!kept_) [[likely]]
    return;
  waiting_.clear();
  std::rethrow_exception(std::exchange(kept_, nullptr));
}

void LaunchQueue::start_window() {
  struct Emptied {
    Window& window;
    ~Emptied() { window.clear(); }
  } const emptied{waiting_};
  if (waiting_.size() >= smallest_graph && graphs_.launch(stream_, waiting_)) return;
  for (size_t i = 0; i < waiting_.size(); ++i) start_now(stream_, waiting_, i);
}

// What reads the log may come back into the library, and to this queue.
void LaunchQueue::unlock_and_warn(Lock& lock) {
  const std::string warning = graphs_.take_warning();
  lock.unlock();
  if (!warning.empty()) log(LogLevel::warning, "cuda:{}: {}", device_, warning);
}

}  // namespace peft::cuda
