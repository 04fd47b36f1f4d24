// The border between libpeft.so and a device module (libpeft_cuda.so): one exported C function. Both sides
// are built from the same tree, which the fingerprint of the kernel list proves; errors of the entry cross as
// text, nothing is thrown across.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tensor/backend.h"

namespace peft {

// What the library offers to a module. Lives as long as the process.
struct ModuleHost {
  uint32_t struct_size;
  uint64_t fingerprint;  // kernel_fingerprint() of the library
  void (*log)(int32_t level, const char* text);
};

// What a module offers. Filled by the entry function, owned by the module.
struct ModuleTable {
  uint32_t struct_size;
  uint64_t fingerprint;  // kernel_fingerprint() of the module
  int32_t device_count;
  Device* (*device)(int32_t index);  // borrowed; 0 <= index < device_count
};

// Returns null after writing why, NUL-terminated, into `error`.
using ModuleEntry = const ModuleTable*(const ModuleHost* host, char* error, size_t error_size);
inline constexpr const char* module_entry_name = "peft_module_open";

}  // namespace peft
