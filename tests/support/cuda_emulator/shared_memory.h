// Shared memory of the running block.
#pragma once

#include <cstddef>

namespace cuda_emulator {

// The most that one block may have: PEFT_EMULATED_SHARED_BYTES, 227 KiB (as on an H100) when unset.
size_t most_shared_bytes();

// NaN into all static shared variables of the module that holds the kernel. Once a launch: from one block to
// the next they keep their values.
void fill_static_shared_memory(const void* kernel);

void set_dynamic_shared_memory(size_t bytes);
void fill_dynamic_shared_memory();
// False when something was written just outside of it.
bool dynamic_shared_memory_is_intact();

}  // namespace cuda_emulator
