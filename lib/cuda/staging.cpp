#include "cuda/staging.h"

#include <algorithm>
#include <cstring>

#include "cuda/launch.h"

namespace peft::cuda {
namespace {

// What a tensor lies in may be pinned host memory (Context::empty_on_host): the addresses say which way it goes.
void copy_async(cudaStream_t stream, const std::byte* from, std::byte* to, int64_t bytes) {
  check_cuda(cudaMemcpyAsync(to, from, static_cast<size_t>(bytes), cudaMemcpyDefault, ordered(stream)),
             "cudaMemcpyAsync");
}

}  // namespace

Staging::Staging() {
  void* ring = nullptr;
  check_cuda(cudaMallocHost(&ring, static_cast<size_t>(segments * segment_bytes)), "cudaMallocHost");
  ring_.reset(static_cast<std::byte*>(ring));
  for (Event& done : done_) {
    cudaEvent_t event = nullptr;
    check_cuda(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "cudaEventCreateWithFlags");
    done.reset(event);
  }
}

void Staging::close(cudaStream_t stream) {
  check_cuda(cudaEventRecord(done_[current_].get(), ordered(stream)), "cudaEventRecord");
  current_ = (current_ + 1) % segments;
  used_ = 0;
  // An event that was never recorded counts as done.
  check_cuda(cudaEventSynchronize(done_[current_].get()), "cudaEventSynchronize");
}

void Staging::upload(cudaStream_t stream, const std::byte* host, std::byte* device, int64_t bytes) {
  while (bytes > 0) {
    if (used_ == segment_bytes) close(stream);
    const int64_t part = std::min(bytes, segment_bytes - used_);
    std::byte* const pinned = segment(current_) + used_;
    std::memcpy(pinned, host, static_cast<size_t>(part));
    copy_async(stream, pinned, device, part);
    used_ = std::min((used_ + part + 15) / 16 * 16, segment_bytes);  // the next one is aligned
    host += part, device += part, bytes -= part;
  }
}

void Staging::download(cudaStream_t stream, const std::byte* device, std::byte* host, int64_t bytes) {
  // One segment is copied out while the next is filled.
  struct Piece {
    int segment = -1;
    std::byte* host = nullptr;
    int64_t bytes = 0;
  } before;
  const auto finish = [&](const Piece& piece) {
    if (piece.segment < 0) return;
    check_cuda(cudaEventSynchronize(done_[piece.segment].get()), "cudaEventSynchronize");
    std::memcpy(piece.host, segment(piece.segment), static_cast<size_t>(piece.bytes));
  };
  while (bytes > 0) {
    if (used_ > 0) close(stream);
    const Piece now = {current_, host, std::min(bytes, segment_bytes)};
    copy_async(stream, device, segment(now.segment), now.bytes);
    close(stream);
    finish(before);
    before = now;
    host += now.bytes, device += now.bytes, bytes -= now.bytes;
  }
  finish(before);
}

}  // namespace peft::cuda
