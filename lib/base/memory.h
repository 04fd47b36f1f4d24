// Figures about this process's memory, and large aligned blocks.
#pragma once

#include <cstddef>
#include <cstdint>

namespace peft {

int64_t peak_resident_bytes();     // VmHWM of /proc/self/status
int64_t current_resident_bytes();  // VmRSS
int64_t available_memory_bytes();  // MemAvailable, cut by the cgroup's bound where there is one

// Zero-filled on first touch, 64-byte aligned (2 MB and advised to huge pages when large). Throws Code::out_of_memory.
void* allocate_block(int64_t bytes);
void free_block(void* block, int64_t bytes) noexcept;

}  // namespace peft
