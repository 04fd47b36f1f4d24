// Copies between device memory and pinned host memory on a stream of their own, beside the kernels.
#pragma once

#include <cuda_runtime.h>

#include <array>
#include <cstddef>
#include <cstdint>

namespace peft::cuda {

// One thread at a time, beside one compute stream.
class BackgroundCopies {
 public:
  BackgroundCopies();   // for the current device
  ~BackgroundCopies();  // waits for what is under way
  BackgroundCopies(const BackgroundCopies&) = delete;
  BackgroundCopies& operator=(const BackgroundCopies&) = delete;

  // Queues a copy behind what `compute` holds so far, and gives its ticket.
  int64_t start(cudaStream_t compute, const std::byte* from, std::byte* to, int64_t bytes);
  // What `compute` gets from now on waits for the copy. Of a ticket that is long past it waits for a later copy.
  void join(cudaStream_t compute, int64_t ticket);

 private:
  static constexpr int64_t remembered = 16;  // copies whose ends are known one by one
  void destroy() noexcept;

  cudaStream_t side_ = nullptr;  // beside the one of kernels, and not ordered with it
  cudaEvent_t ready_ = nullptr;  // where `compute` stood
  std::array<cudaEvent_t, remembered> done_{};
  int64_t count_ = 0;
};

}  // namespace peft::cuda
