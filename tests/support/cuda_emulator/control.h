// For tests that need the emulated GPU to fail, or to say what was asked of it.
#pragma once

#include <cstdint>
#include <string>

namespace cuda_emulator {

struct Counts {
  int64_t launches = 0;          // kernels started
  int64_t copies = 0;            // cudaMemcpy, cudaMemset and their asynchronous kin
  int64_t synchronizations = 0;  // waits of the host for the GPU
  int64_t allocations = 0;       // successful cudaMalloc
  int64_t live_allocations = 0, live_bytes = 0, peak_bytes = 0;
};
Counts counts();

// The cudaMalloc after `others` more successful ones fails, once. -1: none.
void fail_allocation(int64_t others);
// The kernel after `others` more fails when it runs. As on a GPU, every call fails from then on. -1: none.
void fail_launch(int64_t others);
void limit_memory(int64_t bytes);
// Seed of the order of streams, blocks and threads; 0: plain order.
void shuffle(uint64_t seed);

// What a kernel did wrong, first of all; empty when nothing.
std::string problem();
// A working GPU again, which a process never gets from CUDA. Queues are emptied, memory stays.
void recover();

}  // namespace cuda_emulator
