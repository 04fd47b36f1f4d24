// Copies between pageable host memory and a GPU, by way of a ring of pinned memory: the host goes on while the copy
// waits for its turn in the stream.
//
// The ring is taken whole when a backend is made. So no later copy can fail for want of it, nor behave otherwise: a
// machine that has no pinned memory left says so then.
#pragma once

#include <cuda_runtime.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>

namespace peft::cuda {

// One thread at a time, one stream.
class Staging {
 public:
  Staging();  // for the current device

  // `host` is free again on return; the copy itself is queued. Waits only while the ring is full.
  void upload(cudaStream_t stream, const std::byte* host, std::byte* device, int64_t bytes);
  // `host` is filled on return.
  void download(cudaStream_t stream, const std::byte* device, std::byte* host, int64_t bytes);

  static constexpr int64_t segment_bytes = int64_t{1} << 20;
  static constexpr int segments = 4;

 private:
  struct FreeHost {
    void operator()(std::byte* block) const noexcept {
      if (cudaFreeHost(block) != cudaSuccess) cudaGetLastError();
    }
  };
  struct DestroyEvent {
    void operator()(cudaEvent_t event) const noexcept {
      if (cudaEventDestroy(event) != cudaSuccess) cudaGetLastError();
    }
  };
  using Event = std::unique_ptr<std::remove_pointer_t<cudaEvent_t>, DestroyEvent>;

  std::byte* segment(int index) const { return ring_.get() + index * segment_bytes; }
  void close(cudaStream_t stream);  // marks the end of the current segment's copies and goes to the next

  std::unique_ptr<std::byte, FreeHost> ring_;
  std::array<Event, segments> done_;  // all copies of a segment
  int current_ = 0;
  int64_t used_ = 0;  // bytes of the current segment
};

}  // namespace peft::cuda
