// Tensor cores of compute capability 8.0 and later, as the instructions of a whole warp. Where a lane's registers
// lie in a matrix is the PTX ISA's ("Matrix Fragments for mma.m16n8k16"); with g = lane / 4 and t = lane % 4:
//   a [16 x 16]  a[0]: row g, columns 2t, 2t + 1;  a[1]: row g + 8;  a[2], a[3]: the same, columns + 8
//   b [16 x 8]   b[0]: rows 2t, 2t + 1 of column g;  b[1]: rows + 8
//   c [16 x 8]   c[0], c[1]: row g, columns 2t, 2t + 1;  c[2], c[3]: row g + 8
// Two columns of c side by side, rounded, are thus registers of an a: a product goes into the next one as it is.
//
// The emulation cannot run them; it does the same to the same registers, so that a wrong lane or register is seen.
#pragma once

#include <cmath>
#include <cstdint>

#include "cuda/convert.cuh"
#include "cuda/launch.h"

namespace peft::cuda {

// A place in shared memory, in bytes: what ldmatrix takes.
#ifdef PEFT_CUDA_EMULATED
using SharedAddress = const unsigned char*;
#else
using SharedAddress = uint32_t;
#endif

__device__ inline SharedAddress shared_address(const void* p) {
#ifdef PEFT_CUDA_EMULATED
  return static_cast<SharedAddress>(p);
#else
  return static_cast<uint32_t>(__cvta_generic_to_shared(p));
#endif
}

#ifdef PEFT_CUDA_EMULATED
// What each lane of this warp holds, until lanes_done(). Blocks of one dimension and at most 16 warps.
template <typename T>
const T* gather_lanes(const T& own) {
  __shared__ T held[16][warp_size];
  T* warp = held[threadIdx.x / warp_size];
  warp[threadIdx.x % warp_size] = own;
  __syncwarp();
  return warp;
}
inline void lanes_done() { __syncwarp(); }
#endif

// Two numbers rounded to bf16, `low` in the low half.
__device__ inline uint32_t pack_bfloat16(float low, float high) {
#ifdef PEFT_CUDA_EMULATED
  return from_float<BFloat16>(low).bits | static_cast<uint32_t>(from_float<BFloat16>(high).bits) << 16;
#else
  uint32_t pair;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;\n" : "=r"(pair) : "f"(high), "f"(low));
  return pair;
#endif
}
__device__ inline float low_float(uint32_t pair) { return to_float(BFloat16{static_cast<uint16_t>(pair)}); }
__device__ inline float high_float(uint32_t pair) { return to_float(BFloat16{static_cast<uint16_t>(pair >> 16)}); }

// 2^x to 2 ulp; results below 2^-126 are 0.
__device__ inline float exp2_fast(float x) {
#ifdef PEFT_CUDA_EMULATED
  const float y = std::exp2(x);
  return y < 0x1p-126f ? 0.0f : y;
#else
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;\n" : "=f"(y) : "f"(x));
  return y;
#endif
}

// c += a b; products are exact, sums f32.
__device__ inline void mma_m16n8k16(float (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
#ifdef PEFT_CUDA_EMULATED
  struct Operands {
    uint32_t a[4], b[2];
  };
  const Operands* lanes = gather_lanes(Operands{{a[0], a[1], a[2], a[3]}, {b0, b1}});
  const unsigned group = threadIdx.x % warp_size / 4, pair = threadIdx.x % 4;
  for (unsigned i = 0; i < 4; ++i) {
    const unsigned lower = i / 2, column = 2 * pair + i % 2;  // row group + 8 * lower of c
    for (unsigned half = 0; half < 2; ++half) {               // k below and from 8
      for (unsigned t = 0; t < 4; ++t) {
        const uint32_t left = lanes[4 * group + t].a[2 * half + lower], right = lanes[4 * column + t].b[half];
        c[i] += low_float(left) * low_float(right);
        c[i] += high_float(left) * high_float(right);
      }
    }
  }
  lanes_done();
#else
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
               "{%0, %1, %2, %3};\n"
               : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
#endif
}

#ifdef PEFT_CUDA_EMULATED
inline void load_matrices(uint32_t (&to)[4], SharedAddress row, bool transposed) {
  if (reinterpret_cast<uintptr_t>(row) % 16 != 0) __trap();
  const SharedAddress* rows = gather_lanes(row);
  const unsigned group = threadIdx.x % warp_size / 4, pair = threadIdx.x % 4;
  for (unsigned m = 0; m < 4; ++m) {
    const auto at = [&](unsigned r, unsigned c) {
      return static_cast<uint32_t>(reinterpret_cast<const BFloat16*>(rows[8 * m + r])[c].bits);
    };
    to[m] = transposed ? at(2 * pair, group) | at(2 * pair + 1, group) << 16
                       : at(group, 2 * pair) | at(group, 2 * pair + 1) << 16;
  }
  lanes_done();
}
#endif

// Four 8 x 8 matrices of bf16; lane i gives the address of row i % 8 of matrix i / 8, 16 bytes aligned. to[m]: of
// matrix m, row g, columns 2t, 2t + 1.
__device__ inline void load_matrix_x4(uint32_t (&to)[4], SharedAddress row) {
#ifdef PEFT_CUDA_EMULATED
  load_matrices(to, row, /*transposed=*/false);
#else
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];\n"
               : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
               : "r"(row)
               : "memory");
#endif
}
// The same of the transposed matrices: rows 2t, 2t + 1 of column g.
__device__ inline void load_matrix_x4_transposed(uint32_t (&to)[4], SharedAddress row) {
#ifdef PEFT_CUDA_EMULATED
  load_matrices(to, row, /*transposed=*/true);
#else
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];\n"
               : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
               : "r"(row)
               : "memory");
#endif
}

}  // namespace peft::cuda
