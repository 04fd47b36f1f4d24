// GPUs of this machine: how many, what they are, their memory.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cuda/cuda_backend.h"

namespace peft::cuda {

// At least 1; Code::device saying whether the driver, its version or a GPU is missing.
int32_t count_devices();

// Code::device when the GPU is older than what this module has code for.
DeviceProperties device_properties(int32_t device);

// 256-byte aligned; Code::out_of_memory names the bytes asked for and free.
std::byte* allocate_memory(int32_t device, int64_t bytes);
// Waits for what still uses the block, what is queued included (launch_queue.h). On a lost device nothing is left to give back.
void release_memory(int32_t device, std::byte* block) noexcept;

// Pinned host memory, for copies in the background; Code::out_of_memory names the bytes.
std::byte* allocate_pinned(int32_t device, int64_t bytes);
void release_pinned(int32_t device, std::byte* block) noexcept;

}  // namespace peft::cuda
