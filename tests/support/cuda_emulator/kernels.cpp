#include "kernels.h"

#include <cstdio>
#include <cstring>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "control.h"
#include "cuda_emulator.h"
#include "queue.h"
#include "shared_memory.h"
#include "symbols.h"

namespace cuda_emulator {
namespace {

constexpr size_t allowed_at_first = 48 * 1024;  // of a kernel's own and of dynamic shared memory together

struct Kernel {
  const Signature* signature = nullptr;
  size_t allowed_bytes = 0;  // of dynamic shared memory, where that and the kernel's own are more than at first
};

std::unordered_map<const void*, Kernel>& kernels() {
  static auto* const one = new std::unordered_map<const void*, Kernel>;
  return *one;
}

// Copies of a call's arguments, each as aligned as any type of CUDA's.
class Arguments {
 public:
  Arguments(const Signature& signature, void* const* values) {
    size_t chunks = 0;
    for (size_t i = 0; i < signature.count; ++i) chunks += chunks_of(signature.sizes[i]);
    chunks_.resize(chunks);
    chunks = 0;
    for (size_t i = 0; i < signature.count; chunks += chunks_of(signature.sizes[i]), ++i) {
      std::memcpy(&chunks_[chunks], values[i], signature.sizes[i]);
      addresses_.push_back(&chunks_[chunks]);
    }
  }
  Arguments(const Arguments&) = delete;
  Arguments& operator=(const Arguments&) = delete;
  void* const* addresses() const { return addresses_.data(); }

 private:
  struct alignas(64) Chunk {
    unsigned char bytes[64];
  };
  static size_t chunks_of(size_t bytes) { return (bytes + sizeof(Chunk) - 1) / sizeof(Chunk); }
  std::vector<Chunk> chunks_;
  std::vector<void*> addresses_;
};

}  // namespace

void register_kernel(const void* kernel, const Signature* signature) {
  std::lock_guard lock(big_lock());
  kernels()[kernel].signature = signature;
}

cudaError_t make_call(const void* kernel, dim3 grid, dim3 block, size_t shared_bytes, void* const* arguments,
                      KernelCall* call) {
  if (device_error() != cudaSuccess) return remember(device_error());
  const auto found = kernels().find(kernel);
  if (found == kernels().end()) return remember(cudaErrorInvalidDeviceFunction);
  if (!can_launch(grid, block, shared_bytes)) return remember(cudaErrorInvalidConfiguration);
  const size_t own = static_shared_bytes(kernel);
  if (own + shared_bytes > most_shared_bytes()) return remember(cudaErrorInvalidValue);
  if (own + shared_bytes > allowed_at_first && shared_bytes > found->second.allowed_bytes) {
    std::fprintf(stderr,
                 "cuda emulator: %s: %zu bytes of shared memory beside its own %zu, without cudaFuncSetAttribute for them\n",
                 kernel_name(kernel).c_str(), shared_bytes, own);
    return remember(cudaErrorInvalidValue);
  }
  const Signature* const signature = found->second.signature;
  const auto copies = std::make_shared<Arguments>(*signature, arguments);
  *call = {kernel, grid, block, shared_bytes, [=] { signature->call(kernel, copies->addresses()); }};
  return cudaSuccess;
}

}  // namespace cuda_emulator

using namespace cuda_emulator;

extern "C" {

cudaError_t cudaLaunchKernel(const void* kernel, dim3 grid, dim3 block, void** arguments, size_t shared_bytes,
                             cudaStream_t stream) {
  std::lock_guard lock(big_lock());
  KernelCall call;
  const cudaError_t error = make_call(kernel, grid, block, shared_bytes, arguments, &call);
  if (error != cudaSuccess) return error;
  ++mutable_counts().direct_launches;
  return launch(stream, grid, block, shared_bytes, kernel, std::move(call.thread));
}

cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, const void* kernel) {
  std::lock_guard lock(big_lock());
  if (device_error() != cudaSuccess) return remember(device_error());
  *attributes = {static_shared_bytes(kernel)};
  return cudaSuccess;
}

cudaError_t cudaFuncSetAttribute(const void* kernel, cudaFuncAttribute attribute, int value) {
  std::lock_guard lock(big_lock());
  if (device_error() != cudaSuccess) return remember(device_error());
  const auto found = kernels().find(kernel);
  if (found == kernels().end()) return remember(cudaErrorInvalidDeviceFunction);
  if (attribute != cudaFuncAttributeMaxDynamicSharedMemorySize) return cudaSuccess;
  if (value < 0 || static_cast<size_t>(value) + static_shared_bytes(kernel) > most_shared_bytes())
    return remember(cudaErrorInvalidValue);
  found->second.allowed_bytes = static_cast<size_t>(value);
  return cudaSuccess;
}

}  // extern "C"
