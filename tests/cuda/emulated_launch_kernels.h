// Small kernels for tests of the launch queue (lib/cuda/launch_queue.h), each started by launch().
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace queued {

// Has bytes that no value is in.
struct Addend {
  uint8_t low;
  uint64_t high;
  uint8_t more;
};

inline constexpr int kinds = 4;
// y[i] = 31 y[i] + sum of the addend + kind, for i < 32 blocks: another value in any other order. A kernel each kind.
void start_append(cudaStream_t stream, int kind, unsigned blocks, const Addend& addend, uint64_t* y);
// The same on the host.
inline uint64_t append(uint64_t y, int kind, const Addend& addend) {
  return 31 * y + addend.low + addend.high + addend.more + static_cast<uint64_t>(kind);
}

// y[0] += the last byte of dynamic shared memory of `bytes` bytes, which is 1.
void start_shared(cudaStream_t stream, size_t bytes, uint64_t* y);
// More threads than a block may have.
void start_impossible(cudaStream_t stream, uint64_t* y);

}  // namespace queued
