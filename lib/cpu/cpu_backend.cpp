#include "cpu/cpu_backend.h"

#include <algorithm>
#include <cstring>

namespace peft {

CpuBackend::CpuBackend(std::shared_ptr<MemorySource> memory, int threads)
    : memory_(std::move(memory)), threads_(std::clamp(threads, 1, 256)) {}

void CpuBackend::receive(const std::byte* device, std::byte* host, int64_t bytes) {
  if (bytes > 0) std::memcpy(host, device, static_cast<size_t>(bytes));
}

void CpuBackend::send(const std::byte* host, std::byte* device, int64_t bytes) {
  if (bytes > 0) std::memcpy(device, host, static_cast<size_t>(bytes));
}

}  // namespace peft
