// Where a backend's launches wait to be started: one by one, or many at once as a CUDA graph (launch_graphs.h).
//
// A window is started when it is full, so that the GPU works while the host goes on; and before anything else is given
// the stream (ordered()). The first window after that is a short one, for the GPU has nothing to do yet. Before memory
// goes back to a device, whatever waits for that device is started, on any thread's behalf: a kernel may use it.
//
//   LIBPEFT_CUDA_GRAPHS=0    nothing waits: each kernel is started at once. So with CUDA_LAUNCH_BLOCKING=1.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <exception>
#include <mutex>
#include <string>

#include "cuda/launch_graphs.h"
#include "cuda/launch_window.h"

namespace peft::cuda {

// Launches come from one thread at a time; start() from any.
class LaunchQueue {
 public:
  LaunchQueue(int32_t device, cudaStream_t stream);  // for the current device
  ~LaunchQueue();                                    // starts what waits
  LaunchQueue(const LaunchQueue&) = delete;
  LaunchQueue& operator=(const LaunchQueue&) = delete;

  // An error of launches that were added before is thrown by whichever of these starts them, or by the next one when
  // another thread did. With it goes what was waiting.
  void add(const KernelLaunch& launch, const std::byte* arguments, const char* what);
  void start();
  // Keeps the error for the next call of the other two.
  void start_for_others() noexcept;

  int32_t device() const { return device_; }
  cudaStream_t stream() const { return stream_; }

  static constexpr size_t first_window = 16, window = 64;  // launches
  static constexpr size_t smallest_graph = 8;

 private:
  using Lock = std::unique_lock<std::mutex>;
  void throw_kept();
  void start_window();
  void unlock_and_warn(Lock& lock);

  const int32_t device_;
  const cudaStream_t stream_;
  const bool queues_;

  std::mutex lock_;
  Window waiting_;
  size_t full_ = first_window;
  LaunchGraphs graphs_;
  std::exception_ptr kept_;
};

// Starts what waits in all queues of a device, which is current.
void start_queued(int32_t device) noexcept;

}  // namespace peft::cuda
