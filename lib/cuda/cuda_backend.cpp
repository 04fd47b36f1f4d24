#include "cuda/cuda_backend.h"

#include "cuda/cublaslt.h"
#include "cuda/cudnn_attention.h"
#include "cuda/staging.h"

namespace peft::cuda {

CudaBackend::CudaBackend(const DeviceProperties& properties, std::shared_ptr<MemorySource> memory)
    : properties_(properties), memory_(std::move(memory)) {
  const DeviceScope scope(properties_.index);
  // Members clean up after themselves when a later one fails; the stream is the last to be made.
  cublaslt_ = std::make_unique<CublasLt>(properties_.index);
  staging_ = std::make_unique<Staging>();
  cudnn_ = std::make_unique<CudnnAttention>();  // behind cuBLASLt, which it needs
  check_cuda(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
}

CudaBackend::~CudaBackend() {
  try {
    const DeviceScope scope(properties_.index);
    // Memory that queued kernels use goes back to pools and to the device after this.
    if (cudaStreamSynchronize(stream_) != cudaSuccess) cudaGetLastError();
    if (cudaStreamDestroy(stream_) != cudaSuccess) cudaGetLastError();
    cudnn_.reset();
    staging_.reset();
    cublaslt_.reset();
  } catch (const std::exception&) {  // the device is lost; the members' destructors ask nothing of it
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

void CudaBackend::wait() {
  run("synchronize", [&] { check_cuda(cudaStreamSynchronize(stream_), "cudaStreamSynchronize"); });
}

}  // namespace peft::cuda
