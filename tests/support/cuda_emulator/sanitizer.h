// What the address sanitizer is told of memory and of stacks. The emulator itself is never instrumented: its own looks
// at red zones are no faults, and it is faster. PEFT_EMULATOR_SANITIZED: the kernels that run on it are instrumented.
#pragma once

#include <cstddef>

#ifdef PEFT_EMULATOR_SANITIZED
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace cuda_emulator {

#ifdef PEFT_EMULATOR_SANITIZED
inline constexpr bool sanitized = true;
inline void forbid(const void* begin, size_t bytes) { __asan_poison_memory_region(begin, bytes); }
inline void allow(const void* begin, size_t bytes) { __asan_unpoison_memory_region(begin, bytes); }
#else
inline constexpr bool sanitized = false;
inline void forbid(const void*, size_t) {}
inline void allow(const void*, size_t) {}
#endif

}  // namespace cuda_emulator
