#include "mma_kernels.h"

#include "cuda/mma.cuh"

namespace peft {
namespace {

using cuda::BFloat16;

// Elements lie in registers as the PTX ISA's formulas for ai, bi and ci have it.
__global__ void mma_kernel(const uint16_t* a, const uint16_t* b, float* c) {
  const unsigned group = threadIdx.x / 4, in_group = threadIdx.x % 4;
  uint32_t left[4] = {}, right[2] = {};
  float sums[4];
  for (unsigned i = 0; i < 8; ++i) {
    const unsigned row = i < 2 || (4 <= i && i < 6) ? group : group + 8;
    const unsigned column = in_group * 2 + (i & 1u) + (i < 4 ? 0 : 8);
    left[i / 2] |= static_cast<uint32_t>(a[16 * row + column]) << (16 * (i % 2));
  }
  for (unsigned i = 0; i < 4; ++i) {
    const unsigned row = in_group * 2 + (i & 1u) + (i < 2 ? 0 : 8), column = group;
    right[i / 2] |= static_cast<uint32_t>(b[8 * row + column]) << (16 * (i % 2));
  }
  const auto at = [&](unsigned i) -> float& {
    return c[8 * (i < 2 ? group : group + 8) + in_group * 2 + (i & 1u)];
  };
  for (unsigned i = 0; i < 4; ++i) sums[i] = at(i);
  cuda::mma_m16n8k16(sums, left, right[0], right[1]);
  for (unsigned i = 0; i < 4; ++i) at(i) = sums[i];
}

__global__ void load_matrices_kernel(bool transposed, const uint16_t* matrices, uint32_t* registers) {
  struct alignas(16) Matrices {
    uint16_t elements[4 * 64];
  };
  __shared__ Matrices held;
  uint16_t* const shared = held.elements;
  for (unsigned i = threadIdx.x; i < 4 * 64; i += 32) shared[i] = matrices[i];
  __syncwarp();
  uint32_t to[4];
  const cuda::SharedAddress row = cuda::shared_address(shared + 8 * threadIdx.x);
  if (transposed) {
    cuda::load_matrix_x4_transposed(to, row);
  } else {
    cuda::load_matrix_x4(to, row);
  }
  for (unsigned i = 0; i < 4; ++i) registers[4 * threadIdx.x + i] = to[i];
}

template <typename... Parameters, typename... Arguments>
void start(cudaStream_t stream, void (*kernel)(Parameters...), Arguments... arguments) {
  cuda_emulator::launch(stream, dim3(1), dim3(32), 0, reinterpret_cast<const void*>(kernel),
                        [=] { kernel(arguments...); });
}

}  // namespace

void start_mma(cudaStream_t stream, const uint16_t* a, const uint16_t* b, float* c) {
  start(stream, mma_kernel, a, b, c);
}
void start_load_matrices(cudaStream_t stream, bool transposed, const uint16_t* matrices, uint32_t* registers) {
  start(stream, load_matrices_kernel, transposed, matrices, registers);
}

}  // namespace peft
