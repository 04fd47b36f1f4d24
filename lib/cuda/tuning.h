// What is multiplied to time algorithms of cuBLASLt, and to see whether their sums are the same.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>

#include "tensor/dtype.h"

namespace peft::cuda {

// A product's operand: `outer` vectors of `depth` numbers that are summed over, of f32 or bf16.
struct TuningOperand {
  std::byte* data = nullptr;
  DType dtype = DType::f32;
  int64_t outer = 0, depth = 0;
  int64_t outer_step = 0, depth_step = 0;  // elements; one of them is 1
};

// Fills both so that every sum of products over the depth is 0, as each of the first half has its negative in the
// other, in reversed order: what is computed is the rounding of partial sums and nothing else. Two algorithms that give
// the same bits for thousands of such sums add in the same order.
void fill_for_tuning(cudaStream_t stream, const TuningOperand& a, const TuningOperand& b);

// *differs = 1 where any of `words` is not the same.
void compare_words(cudaStream_t stream, const uint32_t* x, const uint32_t* y, int64_t words, uint32_t* differs);

}  // namespace peft::cuda
