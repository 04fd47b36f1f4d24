#include "cuda/cuda_device.h"

#include <cuda_runtime.h>

#include "cuda/launch_queue.h"

namespace peft::cuda {

// Errors after which the process's context on the GPU answers nothing else any more: those of which driver_types.h says
// that the process must be terminated and relaunched, and a few that end the context in other ways.
bool is_device_lost(cudaError_t status) {
  switch (status) {
    case cudaErrorIllegalAddress:
    case cudaErrorLaunchFailure:
    case cudaErrorLaunchTimeout:
    case cudaErrorHardwareStackError:
    case cudaErrorIllegalInstruction:
    case cudaErrorMisalignedAddress:
    case cudaErrorInvalidAddressSpace:
    case cudaErrorInvalidPc:
    case cudaErrorAssert:
    case cudaErrorECCUncorrectable:
    case cudaErrorNvlinkUncorrectable:
    case cudaErrorContextIsDestroyed:
    case cudaErrorCudartUnloading:
    case cudaErrorContained:
    case cudaErrorTensorMemoryLeak:
    case cudaErrorMpsClientTerminated:
    case cudaErrorExternalDevice:
      return true;
    default:
      return false;
  }
}

void check_cuda(cudaError_t status, const char* what) {
  if (status == cudaSuccess) [[likely]]
    return;
  cudaGetLastError();  // or the next launch would report it again; a lost device stays lost
  const Code code = is_device_lost(status)                  ? Code::device_lost
                    : status == cudaErrorMemoryAllocation ? Code::out_of_memory
                                                            : Code::device;
  fail(code, "{}: {} ({})", what, cudaGetErrorString(status), cudaGetErrorName(status));
}

DeviceScope::DeviceScope(int32_t device) {
  int current = 0;
  check_cuda(cudaGetDevice(&current), "cudaGetDevice");
  if (current == device) return;
  check_cuda(cudaSetDevice(device), "cudaSetDevice");
  before_ = current;
}

DeviceScope::~DeviceScope() {
  if (before_ >= 0) cudaSetDevice(before_);
}

int32_t count_devices() {
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status == cudaSuccess && count > 0) return count;
  cudaGetLastError();
  if (status == cudaErrorInsufficientDriver) {
    int driver = 0;  // 1000 * major + 10 * minor; 0: there is none
    cudaDriverGetVersion(&driver);
    check(driver != 0, Code::device, "no NVIDIA driver on this machine (libcuda.so.1 is absent)");
    fail(Code::device, "the NVIDIA driver is too old: it serves CUDA {}.{}, expected {}.{} or newer", driver / 1000,
         driver % 1000 / 10, CUDART_VERSION / 1000, CUDART_VERSION % 1000 / 10);
  }
  check(status != cudaSuccess && status != cudaErrorNoDevice, Code::device,
        "the NVIDIA driver is there, but it sees no GPU");
  fail(Code::device, "the NVIDIA driver does not start: {} ({})", cudaGetErrorString(status), cudaGetErrorName(status));
}

DeviceProperties device_properties(int32_t device) {
  const DeviceScope scope(device);
  cudaDeviceProp found;
  check_cuda(cudaGetDeviceProperties(&found, device), "cudaGetDeviceProperties");
  check(found.major >= 8, Code::device, "cuda:{}: {} has compute capability {}.{}, expected 8.0 or newer", device,
        found.name, found.major, found.minor);
  DeviceProperties properties;
  properties.index = device;
  properties.major = found.major;
  properties.minor = found.minor;
  properties.multiprocessors = found.multiProcessorCount;
  properties.shared_bytes_a_block = static_cast<int64_t>(found.sharedMemPerBlockOptin);
  return properties;
}

std::byte* allocate_memory(int32_t device, int64_t bytes) {
  PEFT_ASSERT(bytes >= 0);
  const DeviceScope scope(device);
  void* block = nullptr;
  const cudaError_t status = cudaMalloc(&block, static_cast<size_t>(bytes > 0 ? bytes : 1));
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    size_t available = 0, total = 0;
    check_cuda(cudaMemGetInfo(&available, &total), "cudaMemGetInfo");
    fail(Code::out_of_memory, "cuda:{}: {} bytes asked for, {} of {} free", device, bytes, available, total);
  }
  check_cuda(status, "cudaMalloc");
  return static_cast<std::byte*>(block);
}

std::byte* allocate_pinned(int32_t device, int64_t bytes) {
  PEFT_ASSERT(bytes >= 0);
  const DeviceScope scope(device);
  void* block = nullptr;
  const cudaError_t status =
      cudaHostAlloc(&block, static_cast<size_t>(bytes > 0 ? bytes : 1), cudaHostAllocPortable);
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    fail(Code::out_of_memory, "cuda:{}: {} bytes of pinned host memory asked for", device, bytes);
  }
  check_cuda(status, "cudaHostAlloc");
  return static_cast<std::byte*>(block);
}

void release_pinned(int32_t device, std::byte* block) noexcept {
  try {
    const DeviceScope scope(device);
    // Kernels read it where it lies; unlike cudaFree, cudaFreeHost does not promise to wait for them.
    start_queued(device);
    cudaDeviceSynchronize();
    if (cudaFreeHost(block) != cudaSuccess) cudaGetLastError();
  } catch (const std::exception&) {  // the device is lost, and the block with it
  }
}

void release_memory(int32_t device, std::byte* block) noexcept {
  try {
    const DeviceScope scope(device);
    start_queued(device);
    if (cudaFree(block) != cudaSuccess) cudaGetLastError();
  } catch (const std::exception&) {  // the device is lost, and the block with it
  }
}

}  // namespace peft::cuda
