// One block of a running kernel: what its threads call. A thread is a fiber; it runs until it waits for
// others.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "types.h"

namespace cuda_emulator {

// Where a thread stands: threadIdx, blockIdx, blockDim and gridDim.
struct Place {
  uint3 thread, block, block_size, grid_size;
};
extern Place place;

// The line of a barrier or warp call in the kernel's source.
struct Site {
  const char* file;
  int line;
};

enum class WarpCall : uint8_t { barrier, shuffle, shuffle_up, shuffle_down, shuffle_xor, ballot };

// Lane of the running thread in its warp.
unsigned lane();
// All threads of the block must arrive, at the same line.
void block_barrier(Site site);
// The same, and counts the threads that voted yes.
unsigned block_vote(bool yes, Site site);
// All lanes named by `mask` must arrive with the same call and mask. Gives the value of lane `source`; for a
// ballot, the lanes whose value is not 0.
uint64_t warp_exchange(WarpCall call, unsigned mask, uint64_t value, unsigned source, Site site);
// Copies that a thread begins (cp.async) and that are there after it waited for its own. Until then the
// target reads as NaN.
void begin_copy(void* to, const void* from, size_t bytes);
void finish_copies();
// For loops that wait for another thread of the block.
void let_others_run();
// Ends the kernel with an error.
[[noreturn]] void kernel_problem(const char* text, Site site);

// Which thread of which kernel runs now; empty when none does.
std::string running_thread();

// Exactly as large as asked for; what was not written reads as NaN.
void* dynamic_shared_memory();

struct Launch {
  const void* kernel = nullptr;  // for its name
  dim3 grid, block;
  size_t shared_bytes = 0;
  std::function<void()> thread;  // what one thread does
};

// Runs all blocks, their order and that of their threads drawn from the seed; 0: the plain one. Returns what
// went wrong, or null. One launch at a time in the process (queue.cpp sees to it).
const char* run_blocks(const Launch& launch, uint64_t seed);

}  // namespace cuda_emulator
