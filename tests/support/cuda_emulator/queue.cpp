#include "queue.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <memory>
#include <vector>

#include "control.h"
#include "cuda_emulator.h"
#include "random.h"
#include "shared_memory.h"

namespace cuda_emulator {

struct Work {
  std::function<void()> run;       // empty: waits for an event
  std::shared_ptr<uint64_t> done;  // the event's counter
  uint64_t wanted = 0;
};

struct Stream {
  std::deque<Work> work;
};

struct Event {
  std::shared_ptr<uint64_t> done = std::make_shared<uint64_t>(0);
  uint64_t recorded = 0;
  std::shared_ptr<double> time = std::make_shared<double>(0);  // when it was last reached, in milliseconds
  bool timed = true;
};

namespace {

constexpr size_t most_queued = 512;

struct State {
  std::recursive_mutex lock;
  Stream default_stream;
  std::vector<Stream*> streams = {&default_stream};
  size_t queued = 0;
  double time = 0;
  uint64_t seed = static_cast<uint64_t>(setting("PEFT_CUDA_SHUFFLE", 1));
  uint64_t launches = 0;  // each has an order of its own
  Random random{seed};
  bool blocking = setting("CUDA_LAUNCH_BLOCKING", 0) != 0;
  cudaError_t error = cudaSuccess;
  std::string problem;
  Counts counts;
  Injections injections = {setting("PEFT_EMULATED_FAIL_ALLOCATION", -1),
                           setting("PEFT_EMULATED_FAIL_LAUNCH", -1)};
};

State& state() {
  static auto* const one = new State;  // host objects with static storage may still use it
  return *one;
}

thread_local cudaError_t last_error = cudaSuccess;

bool can_run(const Stream& stream) {
  if (stream.work.empty()) return false;
  const Work& first = stream.work.front();
  return first.run || *first.done >= first.wanted;
}

void run_first(Stream& stream) {
  const Work work = std::move(stream.work.front());
  stream.work.pop_front();
  --state().queued;
  if (work.run && state().error == cudaSuccess) work.run();
}

// One step of any stream whose turn it may be. False: nothing can run.
bool step() {
  State& s = state();
  std::vector<Stream*> able;
  for (Stream* stream : s.streams)
    if (can_run(*stream)) able.push_back(stream);
  if (able.empty()) return false;
  run_first(s.seed == 0 ? *able.front() : *able[s.random.below(able.size())]);
  return true;
}

template <typename Condition>
cudaError_t run_until(Condition&& reached) {
  State& s = state();
  std::lock_guard lock(s.lock);
  ++s.counts.synchronizations;
  if (!reached()) {
    const Access access;
    while (!reached())
      if (!step()) {
        lose_device(cudaErrorLaunchTimeout, "streams wait for each other");
        break;
      }
  }
  return remember(s.error);
}

cudaError_t add(cudaStream_t stream, Work work) {
  State& s = state();
  std::lock_guard lock(s.lock);
  if (s.error != cudaSuccess) return remember(s.error);
  Stream& target = stream ? *stream : s.default_stream;
  target.work.push_back(std::move(work));
  ++s.queued;
  if (s.blocking || s.queued > most_queued) {
    const Access access;
    while (s.queued > (s.blocking ? 0 : most_queued / 2) && step()) {
    }
  }
  return cudaSuccess;
}

}  // namespace

std::recursive_mutex& big_lock() { return state().lock; }
Injections& injections() { return state().injections; }
Counts& mutable_counts() { return state().counts; }
cudaError_t device_error() { return state().error; }

void pass_time(double milliseconds) { state().time += milliseconds; }
uint64_t next_in_order(uint64_t bound) { return state().seed == 0 ? 0 : state().random.below(bound); }

int64_t setting(const char* name, int64_t otherwise) {
  const char* const text = std::getenv(name);
  if (!text || !*text) return otherwise;
  char* end = nullptr;
  const long long value = std::strtoll(text, &end, 10);
  if (*end == '\0') return value;
  std::fprintf(stderr, "cuda emulator: %s: expected a whole number, found '%s'\n", name, text);
  std::abort();
}

cudaError_t remember(cudaError_t error) {
  if (error != cudaSuccess) last_error = error;
  return error;
}

void lose_device(cudaError_t error, const char* text) {
  State& s = state();
  if (s.error != cudaSuccess) return;
  s.error = error;
  s.problem = text;
  std::fprintf(stderr, "cuda emulator: %s\n", text);
}

cudaError_t enqueue(cudaStream_t stream, std::function<void()> work) {
  return add(stream, {std::move(work), nullptr, 0});
}

cudaError_t drain(cudaStream_t stream) {
  return run_until([&] { return (stream ? *stream : state().default_stream).work.empty(); });
}
cudaError_t drain_all() {
  return run_until([] { return state().queued == 0; });
}

bool can_launch(dim3 grid, dim3 block, size_t shared_bytes) {
  const uint64_t threads = uint64_t{block.x} * block.y * block.z;
  return threads > 0 && threads <= 1024 && block.z <= 64 && grid.x > 0 && grid.x <= 0x7fffffffu && grid.y > 0 &&
         grid.y <= 65535 && grid.z > 0 && grid.z <= 65535 && shared_bytes <= most_shared_bytes();
}

cudaError_t launch(cudaStream_t stream, dim3 grid, dim3 block, size_t shared_bytes, const void* kernel,
                   std::function<void()> thread) {
  if (!can_launch(grid, block, shared_bytes)) return remember(cudaErrorInvalidConfiguration);
  auto work = [what = Launch{kernel, grid, block, shared_bytes, std::move(thread)}] {
    State& s = state();
    ++s.counts.launches;
    if (s.injections.launch == 0) {
      s.injections.launch = -1;
      return lose_device(cudaErrorLaunchFailure, "a launch that was to fail");
    }
    if (s.injections.launch > 0) --s.injections.launch;
    const uint64_t seed = s.seed == 0 ? 0 : s.seed * 0x9E3779B97F4A7C15ull + ++s.launches;
    if (const char* const problem = run_blocks(what, seed)) lose_device(cudaErrorLaunchFailure, problem);
  };
  return enqueue(stream, std::move(work));
}

Counts counts() {
  std::lock_guard lock(big_lock());
  return state().counts;
}
void fail_allocation(int64_t others) {
  std::lock_guard lock(big_lock());
  state().injections.allocation = others;
}
void fail_launch(int64_t others) {
  std::lock_guard lock(big_lock());
  state().injections.launch = others;
}
void fail_graph(int64_t others) {
  std::lock_guard lock(big_lock());
  injections().graph = others;
}
void shuffle(uint64_t seed) {
  std::lock_guard lock(big_lock());
  state().seed = seed;
  state().random = Random(seed);
  state().launches = 0;
}
std::string problem() {
  std::lock_guard lock(big_lock());
  return state().problem;
}
void recover() {
  State& s = state();
  std::lock_guard lock(s.lock);
  for (Stream* stream : s.streams) stream->work.clear();
  s.queued = 0;
  s.error = cudaSuccess;
  s.problem.clear();
  last_error = cudaSuccess;
}

}  // namespace cuda_emulator

using namespace cuda_emulator;

extern "C" {

cudaError_t cudaGetLastError() {
  const cudaError_t error = last_error;
  last_error = device_error();  // stays
  return error;
}
cudaError_t cudaPeekAtLastError() { return last_error; }

cudaError_t cudaStreamCreateWithPriority(cudaStream_t* stream, unsigned, int) {
  State& s = state();
  std::lock_guard lock(s.lock);
  if (s.error != cudaSuccess) return remember(s.error);
  *stream = new Stream;
  s.streams.push_back(*stream);
  return cudaSuccess;
}
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  return cudaStreamCreateWithPriority(stream, flags, 0);
}
cudaError_t cudaStreamCreate(cudaStream_t* stream) { return cudaStreamCreateWithPriority(stream, 0, 0); }

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  State& s = state();
  std::lock_guard lock(s.lock);
  const auto found = std::find(s.streams.begin() + 1, s.streams.end(), stream);
  if (!stream || found == s.streams.end()) return remember(cudaErrorInvalidResourceHandle);
  const cudaError_t error = drain(stream);
  s.streams.erase(std::find(s.streams.begin() + 1, s.streams.end(), stream));
  delete stream;
  return error;
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) { return drain(stream); }
cudaError_t cudaDeviceSynchronize() { return drain_all(); }

cudaError_t cudaStreamQuery(cudaStream_t stream) {
  State& s = state();
  std::lock_guard lock(s.lock);
  if (s.error != cudaSuccess) return remember(s.error);
  {
    const Access access;
    step();  // time passes
  }
  return (stream ? *stream : s.default_stream).work.empty() ? cudaSuccess : cudaErrorNotReady;
}

cudaError_t cudaStreamIsCapturing(cudaStream_t, cudaStreamCaptureStatus* status) {
  *status = cudaStreamCaptureStatusNone;  // no graphs are recorded here
  return remember(device_error());
}

cudaError_t cudaLaunchHostFunc(cudaStream_t stream, cudaHostFn_t function, void* argument) {
  return enqueue(stream, [=] { function(argument); });
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) {
  std::lock_guard lock(big_lock());
  if (device_error() != cudaSuccess) return remember(device_error());
  *event = new Event;
  (*event)->timed = (flags & cudaEventDisableTiming) == 0;
  return cudaSuccess;
}
cudaError_t cudaEventCreate(cudaEvent_t* event) { return cudaEventCreateWithFlags(event, 0); }
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  delete event;  // work that is queued keeps the counter
  return device_error();
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  std::lock_guard lock(big_lock());
  const uint64_t number = ++event->recorded;
  return enqueue(stream, [done = event->done, time = event->time, number] {
    *done = std::max(*done, number);
    *time = state().time;
  });
}
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  std::lock_guard lock(big_lock());
  return add(stream, {nullptr, event->done, event->recorded});
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  const uint64_t number = event->recorded;
  return run_until([&] { return *event->done >= number || state().error != cudaSuccess; });
}
cudaError_t cudaEventQuery(cudaEvent_t event) {
  std::lock_guard lock(big_lock());
  if (device_error() != cudaSuccess) return remember(device_error());
  if (*event->done < event->recorded) {
    const Access access;
    step();
  }
  return *event->done >= event->recorded ? cudaSuccess : cudaErrorNotReady;
}
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t begin, cudaEvent_t end) {
  std::lock_guard lock(big_lock());
  for (const cudaEvent_t event : {begin, end}) {
    if (!event->timed || event->recorded == 0) return remember(cudaErrorInvalidResourceHandle);
    if (*event->done < event->recorded) return remember(cudaErrorNotReady);
  }
  *milliseconds = static_cast<float>(*end->time - *begin->time);
  return cudaSuccess;
}

}  // extern "C"
