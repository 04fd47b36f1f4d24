// Small kernels, right ones and ones with the faults that the emulator is there to find.
#pragma once

#include <cuda_runtime.h>

namespace faulty {

enum class Sum {
  right,
  without_first_barrier,   // sums of other warps are read before they are written
  without_second_barrier,  // sums are overwritten before they are read: two sums in a row
  divergent,               // the last warp does not take part in a barrier
};
// y[block] = sum of the block's part of x; twice in a row. `threads` is a multiple of 32, one element each.
void start_sum(Sum kind, cudaStream_t stream, unsigned blocks, unsigned threads, const float* x, float* y);

enum class Warp {
  right,
  absent_lanes,     // only half of the lanes come to a call that names all
  different_calls,  // half of the lanes shuffle, the others vote
  unnamed_lane,     // reads from a lane that the mask does not name
  without_barrier,  // lanes read what others put into shared memory, without __syncwarp
};
// y[lane] = x[31 - lane]
void start_warp(Warp kind, cudaStream_t stream, const float* x, float* y);

// y[i] = x[i] for i < threads * blocks, which may be more than there is.
void start_copy(cudaStream_t stream, unsigned blocks, unsigned threads, const float* x, float* y);
// The kernel of start_copy, for launches and graphs that name it; its parameters are (const float*, float*).
const void* copy_kernel_address();
// y[0] += 1, and y[0] *= 3: (float*).
const void* increment_kernel_address();
const void* triple_kernel_address();
// Writes `written` floats of dynamic shared memory of `bytes` bytes, then y[i] = the sum of the first `read`
// of them.
void start_shared(cudaStream_t stream, size_t bytes, int written, int read, float* y);
// y[0] = a static shared variable, without or after an assignment of 1.
void start_static(cudaStream_t stream, bool assigned, float* y);
// y[0] = an element of an array of 32 floats in static shared memory, or on the thread's stack, all of them 1. Reached by
// a pointer, so that the length is not known where it is read.
void start_array(bool shared, cudaStream_t stream, int index, float* y);
// order[atomic counter] = thread of the block, block after block.
void start_order(cudaStream_t stream, unsigned blocks, unsigned threads, unsigned* counter, unsigned* order);
// y[i] += 1, then the same sum over all, with atomics of each kind.
void start_atomics(cudaStream_t stream, unsigned threads, int* results, float* sum);
// A thread waits in a loop until another one says so.
void start_waiting(cudaStream_t stream, unsigned threads, int* flag);
// y[i] = ballot, any, all, count of threads, per thread: 5 values each.
void start_votes(cudaStream_t stream, unsigned threads, unsigned* y);
void start_shuffles(cudaStream_t stream,
                    double* y);  // 32 lanes, 4 values each: up, down, xor, index in groups of 8
// y[lane] = x[31 - lane] by way of shared memory and copies in the background; `waits`: before they are used.
void start_background_copy(cudaStream_t stream, bool waits, const float* x, float* y);
// y = places: 6 values a thread: threadIdx and blockIdx
void start_places(cudaStream_t stream, dim3 grid, dim3 block, unsigned* y);

}  // namespace faulty
