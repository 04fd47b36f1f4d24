// What the emulated cuBLASLt computes, and by which algorithms.
#pragma once

#include <cstdint>

#include "cublasLt.h"

namespace cuda_emulator {

struct LtDesc {
  cublasOperation_t a = CUBLAS_OP_N, b = CUBLAS_OP_N;
};
struct LtLayout {
  cudaDataType_t type;
  int64_t rows, columns, leading;
  int64_t element_bytes() const { return type == CUDA_R_16BF ? 2 : 4; }
  size_t bytes() const { return static_cast<size_t>(((columns - 1) * leading + rows) * element_bytes()); }
};

// Parts of the summed dimension are summed apart, then together: in f32, or in the type of the result.
struct Algorithm {
  int tile, parts, reduction;
  bool works;
  float nanoseconds_a_million;  // of multiplications; what events are told
};
// In the order of the heuristics. The first rounds a bf16 result once a part, and is given to who allows it. The one
// after the next has other sums than that, and the last the same in less time.
inline constexpr Algorithm algorithms[] = {
    {10, 2, CUBLASLT_REDUCTION_SCHEME_OUTPUT_TYPE, true, 2000},
    {20, 1, CUBLASLT_REDUCTION_SCHEME_NONE, true, 3000},
    {21, 1, CUBLASLT_REDUCTION_SCHEME_NONE, false, 100},
    {22, 2, CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE, true, 1000},
    {23, 1, CUBLASLT_REDUCTION_SCHEME_NONE, true, 2500},
    {24, 1, CUBLASLT_REDUCTION_SCHEME_NONE, true, 1500},
};

// d = alpha op(a) op(b) + beta c, column-major. f32 and bf16 operands and results.
struct Product {
  LtDesc desc;
  LtLayout a, b, c, d;
  float alpha = 1, beta = 0;
  const void *a_data = nullptr, *b_data = nullptr, *c_data = nullptr;
  void* d_data = nullptr;
  const Algorithm* algorithm = &algorithms[1];

  int64_t m() const { return d.rows; }
  int64_t n() const { return d.columns; }
  int64_t k() const { return desc.a == CUBLAS_OP_N ? a.columns : a.rows; }

  // What does not fit together; null: nothing.
  const char* problem() const;
  void run() const;
};

}  // namespace cuda_emulator
