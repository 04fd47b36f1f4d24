#include "cuda/background_copies.h"

#include "cuda/launch.h"

namespace peft::cuda {
namespace {

void create(cudaEvent_t& event) {
  check_cuda(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "cudaEventCreateWithFlags");
}

}  // namespace

BackgroundCopies::BackgroundCopies() {
  try {
    create(ready_);
    for (cudaEvent_t& event : done_) create(event);
    check_cuda(cudaStreamCreateWithFlags(&side_, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
  } catch (...) {
    destroy();
    throw;
  }
}

BackgroundCopies::~BackgroundCopies() { destroy(); }

void BackgroundCopies::destroy() noexcept {
  bool failed = false;
  if (side_) {
    failed |= cudaStreamSynchronize(side_) != cudaSuccess;
    failed |= cudaStreamDestroy(side_) != cudaSuccess;
  }
  if (ready_) failed |= cudaEventDestroy(ready_) != cudaSuccess;
  for (const cudaEvent_t event : done_)
    if (event) failed |= cudaEventDestroy(event) != cudaSuccess;
  if (failed) cudaGetLastError();  // a lost device; nothing is left to give back
}

int64_t BackgroundCopies::start(cudaStream_t compute, const std::byte* from, std::byte* to, int64_t bytes) {
  check_cuda(cudaEventRecord(ready_, ordered(compute)), "cudaEventRecord");
  check_cuda(cudaStreamWaitEvent(side_, ready_, 0), "cudaStreamWaitEvent");
  check_cuda(cudaMemcpyAsync(to, from, static_cast<size_t>(bytes), cudaMemcpyDefault, side_), "cudaMemcpyAsync");
  check_cuda(cudaEventRecord(done_[static_cast<size_t>(count_ % remembered)], side_), "cudaEventRecord");
  return count_++;
}

void BackgroundCopies::join(cudaStream_t compute, int64_t ticket) {
  if (ticket >= count_) return;
  // The event's place may have a later copy by now, which the stream ends after this one.
  check_cuda(cudaStreamWaitEvent(ordered(compute), done_[static_cast<size_t>(ticket % remembered)], 0), "cudaStreamWaitEvent");
}

}  // namespace peft::cuda
