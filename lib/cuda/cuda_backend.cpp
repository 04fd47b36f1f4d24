#include "cuda/cuda_backend.h"

#include "cuda/background_copies.h"
#include "cuda/cublaslt.h"
#include "cuda/cudnn_attention.h"
#include "cuda/launch_queue.h"
#include "cuda/staging.h"

namespace peft::cuda {

CudaBackend::CudaBackend(const DeviceProperties& properties, std::shared_ptr<MemorySource> memory,
                         std::shared_ptr<MemorySource> pinned)
    : properties_(properties), memory_(std::move(memory)), pinned_(std::move(pinned)) {
  const DeviceScope scope(properties_.index);
  // Members clean up after themselves when a later one fails; the stream is the last to be made but for its queue.
  cublaslt_ = std::make_unique<CublasLt>(properties_.index);
  staging_ = std::make_unique<Staging>();
  cudnn_ = std::make_unique<CudnnAttention>();  // behind cuBLASLt, which it needs
  check_cuda(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
  try {
    queue_ = std::make_unique<LaunchQueue>(properties_.index, stream_);
  } catch (...) {
    cudaStreamDestroy(stream_);
    throw;
  }
}

CudaBackend::~CudaBackend() {
  try {
    const DeviceScope scope(properties_.index);
    copies_.reset();  // waits for its stream
    // Memory that queued kernels use goes back to pools and to the device after this.
    queue_.reset();
    if (cudaStreamSynchronize(ordered(stream_)) != cudaSuccess) cudaGetLastError();
    if (cudaStreamDestroy(stream_) != cudaSuccess) cudaGetLastError();
    cudnn_.reset();
    staging_.reset();
    cublaslt_.reset();
  } catch (const std::exception&) {  // the device is lost; the members' destructors expect nothing of it
  }
}

void CudaBackend::keep(Code code, const char* what, const char* text) noexcept {
  if (fault_.code != 0) return;
  fault_.code = static_cast<int32_t>(code);
  std::snprintf(fault_.text, sizeof fault_.text, "cuda:%d: %s: %s", static_cast<int>(properties_.index), what, text);
}

void CudaBackend::receive(const std::byte* device, std::byte* host, int64_t bytes) {
  run("copy to host", [&] { staging_->download(stream_, device, host, bytes); });
}

void CudaBackend::send(const std::byte* host, std::byte* device, int64_t bytes) {
  run("copy from host", [&] { staging_->upload(stream_, host, device, bytes); });
}

int64_t CudaBackend::start_copy(const std::byte* from, std::byte* to, int64_t bytes) {
  int64_t ticket = 0;
  run("copy in the background", [&] {
    if (!copies_) copies_ = std::make_unique<BackgroundCopies>();
    ticket = copies_->start(stream_, from, to, bytes);
  });
  return ticket;
}

void CudaBackend::await_copy(int64_t ticket) {
  run("wait for a copy", [&] {
    if (copies_) copies_->join(stream_, ticket);
  });
}

void CudaBackend::wait() {
  run("synchronize", [&] { check_cuda(cudaStreamSynchronize(ordered(stream_)), "cudaStreamSynchronize"); });
}

}  // namespace peft::cuda
