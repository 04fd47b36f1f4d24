// How kernels start, on a GPU and on the emulation (tests/support/cuda_emulator) alike. Kernels use no <<<>>>, no CUB
// and no cooperative groups; what only a GPU can do (tensor cores, bulk copies, inline PTX) stands in small functions
// with a plain version beside it, under #ifdef PEFT_CUDA_EMULATED.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>

#include "base/error.h"

// Dynamic shared memory of the running block, 16-byte aligned, as `type* name`. Once a kernel.
#ifdef PEFT_CUDA_EMULATED
#include <cuda_emulator.h>
#define PEFT_DYNAMIC_SHARED(type, name) \
  type* const name = reinterpret_cast<type*>(cuda_emulator::dynamic_shared_memory())
#else
#define PEFT_DYNAMIC_SHARED(type, name) \
  extern __shared__ __align__(16) unsigned char peft_dynamic_shared_memory[]; \
  type* const name = reinterpret_cast<type*>(peft_dynamic_shared_memory)
#endif

namespace peft::cuda {

inline constexpr unsigned warp_size = 32;

// Throws Code::device, ::device_lost or ::out_of_memory, naming the call and CUDA's own words.
void check_cuda(cudaError_t status, const char* what);

#if defined(PEFT_CUDA_EMULATED) || defined(__CUDACC__)
// grid and block: sizes in blocks and threads; a grid of no blocks starts nothing. shared_bytes: dynamic shared memory.
template <typename... Parameters, typename... Arguments>
void launch(cudaStream_t stream, dim3 grid, dim3 block, size_t shared_bytes, void (*kernel)(Parameters...),
            Arguments... arguments) {
  if (grid.x == 0 || grid.y == 0 || grid.z == 0) return;
#ifdef PEFT_CUDA_EMULATED
  cuda_emulator::launch(stream, grid, block, shared_bytes, reinterpret_cast<const void*>(kernel),
                        [=] { kernel(static_cast<Parameters>(arguments)...); });
#else
  if (shared_bytes > 48 * 1024) {
    check_cuda(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(shared_bytes)),
               "cudaFuncSetAttribute");
  }
  kernel<<<grid, block, shared_bytes, stream>>>(static_cast<Parameters>(arguments)...);
#endif
  check_cuda(cudaPeekAtLastError(), "kernel launch");
}
#endif

// Blocks of `threads` that cover `count` elements; a grid-stride loop takes what is beyond `most` blocks.
inline unsigned blocks_for(int64_t count, int64_t threads, int64_t most = int64_t{1} << 30) {
  const int64_t blocks = (count + threads - 1) / threads;
  return static_cast<unsigned>(blocks < most ? blocks : most);
}

}  // namespace peft::cuda
