// Single instructions of cuda/mma.cuh, as the emulator runs them.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace peft {

// c [16 x 8] += a [16 x 16] b [16 x 8] by one warp; bf16, f32; rows one after the other.
void start_mma(cudaStream_t stream, const uint16_t* a, const uint16_t* b, float* c);
// registers[lane][4] of four matrices [8 x 8] that lie one after the other.
void start_load_matrices(cudaStream_t stream, bool transposed, const uint16_t* matrices, uint32_t* registers);

}  // namespace peft
