// The border between libpeft.so and a device module (libpeft_cuda.so): one exported C function, which answers with a
// table of functions. Both sides are built from the same tree, which the fingerprint of the kernel list proves. Nothing
// is thrown across: functions of the table fill a Fault, kernels of a backend keep theirs (tensor/backend.h). Floor 0's
// state stays the library's: the module logs through the table that it is given.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "tensor/backend.h"

namespace peft {

// What the library offers to a module. Lives as long as the process.
struct ModuleHost {
  uint32_t struct_size;
  uint64_t fingerprint;  // kernel_fingerprint() of the library
  void (*log)(int32_t level, const char* text);
};

struct DeviceFacts {
  char description[256] = {};  // "NVIDIA H200, compute capability 9.0"
  int64_t total_memory = 0, available_memory = 0;
};

// What a module offers. Filled by the entry function, owned by the module. `device` counts from 0; every function may
// be called from any thread, and leaves the calling thread's current device as it was.
struct ModuleTable {
  uint32_t struct_size;
  uint64_t fingerprint;  // kernel_fingerprint() of the module
  int32_t device_count;
  int64_t backend_bytes;  // device memory that each backend takes for itself
  void (*facts)(int32_t device, DeviceFacts* facts, Fault* fault) noexcept;
  // Device memory, 256-byte aligned; null with a fault (Code::out_of_memory names the bytes asked for and free).
  std::byte* (*allocate)(int32_t device, int64_t bytes, Fault* fault) noexcept;
  void (*release)(int32_t device, std::byte* block, int64_t bytes) noexcept;
  // Pinned host memory, for copies that run beside kernels; as above.
  std::byte* (*allocate_host)(int32_t device, int64_t bytes, Fault* fault) noexcept;
  void (*release_host)(int32_t device, std::byte* block, int64_t bytes) noexcept;
  // A backend that answers `memory` for its memory() and `pinned` for its pinned_memory(); null with a fault. Deleted
  // by the caller.
  Backend* (*create_backend)(int32_t device, const std::shared_ptr<MemorySource>& memory,
                             const std::shared_ptr<MemorySource>& pinned, Fault* fault) noexcept;
};

// Returns null after writing why, NUL-terminated, into `error`.
using ModuleEntry = const ModuleTable*(const ModuleHost* host, char* error, size_t error_size);
inline constexpr const char* module_entry_name = "peft_module_open";

}  // namespace peft
