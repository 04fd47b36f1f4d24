// Copies into shared memory in the background. On the emulator the target reads as NaN until they have arrived.
#pragma once

#include <cstdint>

#include "cuda/launch.h"

namespace peft::cuda {

// Copies `bytes` bytes (16, or 4) from global to shared memory until copies_arrive(); both addresses are multiples of
// that.
template <int bytes>
__device__ inline void copy_async(void* to, const void* from) {
  static_assert(bytes == 16 || bytes == 4);
#ifdef PEFT_CUDA_EMULATED
  cuda_emulator::begin_copy(to, from, bytes);
#else
  const auto address = static_cast<unsigned>(__cvta_generic_to_shared(to));
  if constexpr (bytes == 16) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;\n" ::"r"(address), "l"(from) : "memory");
  } else {
    asm volatile("cp.async.ca.shared.global [%0], [%1], 4;\n" ::"r"(address), "l"(from) : "memory");
  }
#endif
}

// Waits for this thread's own copies.
__device__ inline void copies_arrive() {
#ifdef PEFT_CUDA_EMULATED
  cuda_emulator::finish_copies();
#else
  asm volatile("cp.async.wait_all;\n" ::: "memory");
#endif
}

}  // namespace peft::cuda
