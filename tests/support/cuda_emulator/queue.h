// What waits in streams, and the state of the whole emulated GPU.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>

#include "runtime_api.h"

namespace cuda_emulator {

// Held by every call into the run time.
std::recursive_mutex& big_lock();

// Puts work at the end of a stream; null: the default one, which is one among others here (CUDA's waits for
// most others).
cudaError_t enqueue(cudaStream_t stream, std::function<void()> work);
// Runs what is queued until this stream (all: every stream) is empty. Gives the error that the GPU is in.
cudaError_t drain(cudaStream_t stream);
cudaError_t drain_all();

// Work that takes this long; events see no other time pass.
void pass_time(double milliseconds);
// Whether a kernel can be started so on this GPU.
bool can_launch(dim3 grid, dim3 block, size_t shared_bytes);
// A number below `bound` of the order that the seed gives; 0 in plain order.
uint64_t next_in_order(uint64_t bound);

// The error that every call gives once a kernel has failed; cudaSuccess before.
cudaError_t device_error();
// A kernel failed: says so on stderr, and nothing runs any more.
void lose_device(cudaError_t error, const char* text);

// Kernels and copies run inside of this: device memory can be touched.
class Access {
 public:
  Access();
  ~Access();
  Access(const Access&) = delete;
  Access& operator=(const Access&) = delete;
};

// Is (all of) this range device memory, pinned host memory?
bool is_device_memory(const void* address, size_t bytes);
bool is_pinned_memory(const void* address, size_t bytes);

// cudaSetDevice's and the last error, of the calling thread.
int current_device();
cudaError_t remember(cudaError_t error);

// Whole numbers from the environment.
int64_t setting(const char* name, int64_t otherwise);

struct Injections {
  int64_t allocation = -1, launch = -1, graph = -1;
};
Injections& injections();
struct Counts;
Counts& mutable_counts();

}  // namespace cuda_emulator
