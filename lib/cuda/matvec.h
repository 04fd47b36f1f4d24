// Products of a few rows: every weight is read once, decoded in registers, and multiplied with all rows.
#pragma once

#include "cuda/cuda_backend.h"

namespace peft::cuda {

inline constexpr int64_t most_matvec_rows = 8;

// Whether a product of m rows is one of these: kind nt with up to most_matvec_rows rows and b of any floating or
// quantized type, or kind nn with one row and b floating.
bool is_matvec(const MatmulOptions& options, int64_t m, DType b);

// y = alpha a b^T (kind nt) or alpha a b (kind nn), or added to y; a and y f32 or bf16. False, with nothing done, where
// is_matvec() says no. Sums are f32, rounded once for bf16 y. `int8` is computed as `float32`.
bool matvec(CudaBackend& backend, const MatmulOptions& options, ConstView a, ConstView b, View y);

}  // namespace peft::cuda
