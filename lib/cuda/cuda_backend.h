// The GPU: one compute stream, kernels of our own, cuBLASLt for large products.
//
// Each kernel is defined in the file of its subject, which has the stem of its twin in lib/cpu: norm.cu, rope.cu and so
// on. Its body stands inside run(), so that nothing is thrown over the module's border:
//
//   void CudaBackend::scale(float alpha, ConstView x, bool accumulate, View y) {
//     run("scale", [&] { launch(stream(), ...); });
//   }
//
// Sums have a fixed order: no atomic additions of floating-point numbers, no dependence on the number of blocks that
// happen to run at once.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <cstdio>
#include <memory>

#include "cuda/launch.h"
#include "cuda/matrix.h"
#include "tensor/backend.h"

namespace peft::cuda {

// What a GPU is, as far as kernels choose by it.
struct DeviceProperties {
  int32_t index = 0;
  int32_t major = 0, minor = 0;       // compute capability
  int32_t multiprocessors = 1;
  int64_t shared_bytes_a_block = 48 * 1024;  // the most that a block may opt in to
};

// Makes a device current for a scope; the caller's is restored.
class DeviceScope {
 public:
  explicit DeviceScope(int32_t device);
  ~DeviceScope();
  DeviceScope(const DeviceScope&) = delete;
  DeviceScope& operator=(const DeviceScope&) = delete;

 private:
  int before_ = -1;
};

class BackgroundCopies;  // cuda/background_copies.h
class CublasLt;          // cuda/cublaslt.h
class CudnnAttention;    // cuda/cudnn_attention.h
class Staging;           // cuda/staging.h

class CudaBackend final : public Backend {
 public:
  // Throws Error; create_backend of the module's table turns that into a Fault.
  CudaBackend(const DeviceProperties& properties, std::shared_ptr<MemorySource> memory,
              std::shared_ptr<MemorySource> pinned);
  ~CudaBackend() override;

  DeviceKind kind() const override { return DeviceKind::cuda; }
  std::shared_ptr<MemorySource> memory() const override { return memory_; }
  std::shared_ptr<MemorySource> pinned_memory() const override { return pinned_; }
  bool bfloat16_activations() const override { return true; }

  const DeviceProperties& properties() const { return properties_; }
  // For launches; for all else ordered(stream()).
  cudaStream_t stream() const { return stream_; }
  CudnnAttention& cudnn() { return *cudnn_; }
  const CudnnAttention& cudnn() const { return *cudnn_; }

#define KERNEL(name, ...) void name(__VA_ARGS__) override;
#define SCRATCH(name, ...) int64_t name##_scratch(__VA_ARGS__) const override;
#include "tensor/kernels.def"
#undef KERNEL
#undef SCRATCH

 protected:
  void receive(const std::byte* device, std::byte* host, int64_t bytes) override;
  void send(const std::byte* host, std::byte* device, int64_t bytes) override;
  void wait() override;
  int64_t start_copy(const std::byte* from, std::byte* to, int64_t bytes) override;
  void await_copy(int64_t ticket) override;

 private:
  // Runs `body` with this backend's device current and its launches queued. An error of it becomes the fault; after a fault nothing runs.
  template <typename Body>
  void run(const char* what, Body&& body) noexcept {
    if (fault_.code != 0) return;
    try {
      const DeviceScope scope(properties_.index);
      const QueueScope queueing(*queue_, what);
      body();
    } catch (const Error& error) {
      keep(error.code(), what, error.what());
    } catch (const std::exception& error) {
      keep(Code::internal, what, error.what());
    }
  }
  void keep(Code code, const char* what, const char* text) noexcept;

  DeviceProperties properties_;
  std::shared_ptr<MemorySource> memory_, pinned_;
  cudaStream_t stream_ = nullptr;
  std::unique_ptr<LaunchQueue> queue_;
  std::unique_ptr<CublasLt> cublaslt_;
  std::unique_ptr<Staging> staging_;
  std::unique_ptr<BackgroundCopies> copies_;  // made when first asked for
  std::unique_ptr<CudnnAttention> cudnn_;
};

}  // namespace peft::cuda
