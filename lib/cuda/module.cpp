// The module's one exported function and the table that it gives. Nothing leaves a function here but values.
#include "tensor/module.h"

#include <cuda_runtime.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "base/log.h"
#include "cuda/cublaslt.h"
#include "cuda/cuda_backend.h"
#include "cuda/cuda_device.h"

namespace peft::cuda {
namespace {

void copy_text(const char* from, char* to, size_t size) noexcept {
  const size_t length = std::min(std::strlen(from), size - 1);
  std::memcpy(to, from, length);
  to[length] = '\0';
}

// Runs `body`; what it throws becomes `fault`, and the answer is a default one.
template <typename Body>
auto guarded(Fault* fault, Body&& body) noexcept -> decltype(body()) {
  const auto keep = [&](Code code, const char* text) {
    fault->code = static_cast<int32_t>(code);
    copy_text(text, fault->text, sizeof fault->text);
  };
  try {
    return body();
  } catch (const Error& error) {
    keep(error.code(), error.what());
  } catch (const std::bad_alloc&) {
    keep(Code::out_of_memory, "no host memory");
  } catch (const std::exception& error) {
    keep(Code::internal, error.what());
  }
  return decltype(body())();
}

void facts(int32_t device, DeviceFacts* out, Fault* fault) noexcept {
  guarded(fault, [&] {
    const DeviceScope scope(device);
    cudaDeviceProp properties;
    check_cuda(cudaGetDeviceProperties(&properties, device), "cudaGetDeviceProperties");
    const std::string text =
        fmt::format("{}, compute capability {}.{}", properties.name, properties.major, properties.minor);
    copy_text(text.c_str(), out->description, sizeof out->description);
    size_t available = 0, total = 0;
    check_cuda(cudaMemGetInfo(&available, &total), "cudaMemGetInfo");
    out->total_memory = static_cast<int64_t>(total);
    out->available_memory = static_cast<int64_t>(available);
  });
}

std::byte* allocate(int32_t device, int64_t bytes, Fault* fault) noexcept {
  return guarded(fault, [&] { return allocate_memory(device, bytes); });
}

void release(int32_t device, std::byte* block, int64_t) noexcept { release_memory(device, block); }

std::byte* allocate_host(int32_t device, int64_t bytes, Fault* fault) noexcept {
  return guarded(fault, [&] { return allocate_pinned(device, bytes); });
}

void release_host(int32_t device, std::byte* block, int64_t) noexcept { release_pinned(device, block); }

Backend* create_backend(int32_t device, const std::shared_ptr<MemorySource>& memory,
                        const std::shared_ptr<MemorySource>& pinned, Fault* fault) noexcept {
  return guarded(fault, [&]() -> Backend* { return new CudaBackend(device_properties(device), memory, pinned); });
}

ModuleTable table = {sizeof(ModuleTable), kernel_fingerprint(), 0,            CublasLt::workspace_bytes, facts, allocate,
                     release,             allocate_host,        release_host, create_backend};

}  // namespace
}  // namespace peft::cuda

extern "C" __attribute__((visibility("default"))) const peft::ModuleTable* peft_module_open(
    const peft::ModuleHost* host, char* error, size_t error_size) noexcept {
  using namespace peft;
  Fault fault;
  const ModuleTable* const table = cuda::guarded(&fault, [&]() -> const ModuleTable* {
    check(host->struct_size == sizeof(ModuleHost) && host->fingerprint == kernel_fingerprint(), Code::device,
          "built for another version of the library: expected kernel list {:016x}, found {:016x}",
          kernel_fingerprint(), host->struct_size == sizeof(ModuleHost) ? host->fingerprint : 0);
    // The level is the library's affair, which sees every line.
    set_log_sink([log = host->log](const LogRecord& record) {
      log(static_cast<int32_t>(record.level), record.message.c_str());
    });
    set_log_level(LogLevel::debug);
    cuda::table.device_count = cuda::count_devices();
    return &cuda::table;
  });
  if (!table && error_size > 0) cuda::copy_text(fault.text, error, error_size);
  return table;
}
