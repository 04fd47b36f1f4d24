// How kernels run on the CPU. A launch goes to the queue of its stream and runs when the host waits for it,
// or when the queues grow long; streams interleave in a shuffled order. Blocks run one after another and
// threads as fibers, both shuffled. CUDA_LAUNCH_BLOCKING=1 runs everything at once, which gives traces that
// show the caller.
//
//   PEFT_CUDA_SHUFFLE              seed of all orders; 0: plain order; 1 when unset
//   PEFT_EMULATED_GPUS             how many GPUs there are; 1 when unset
//   PEFT_EMULATED_GPU_BYTES        memory of each; 4 GiB when unset
//   PEFT_EMULATED_SHARED_BYTES     shared memory that a block may have; 227 KiB when unset
//   PEFT_EMULATED_FAIL_ALLOCATION  N: the cudaMalloc after N others fails, once
//   PEFT_EMULATED_FAIL_LAUNCH      N: the launch after N others fails, and with it everything after it
//
// Device memory can be touched by kernels and copies only: the host gets a segmentation fault, as it would
// with a GPU. What is past an allocation's end is a segmentation fault for kernels too; what was never
// written reads as NaN.
#pragma once

#include <cstddef>
#include <functional>

#include "block.h"
#include "control.h"
#include "kernels.h"
#include "runtime_api.h"

namespace cuda_emulator {

// A launch that cannot be is an error that cudaPeekAtLastError() has too. `kernel`: for its name in messages.
cudaError_t launch(cudaStream_t stream, dim3 grid, dim3 block, size_t shared_bytes, const void* kernel,
            std::function<void()> thread);

}  // namespace cuda_emulator
