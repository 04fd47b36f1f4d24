// Products of a few rows: every weight is read once, decoded in registers, and multiplied with all rows.
#pragma once

#include "cuda/cuda_backend.h"

namespace peft::cuda {

inline constexpr int64_t most_matvec_rows = 8;

// y = alpha a b^T (kind nt; up to most_matvec_rows rows, b of any floating or quantized type) or alpha a b (kind nn;
// one row, b floating), or added to y. False, with nothing done, for products of other shapes. `int8` is computed as
// `float32`.
bool matvec(CudaBackend& backend, const MatmulOptions& options, ConstView a, ConstView b, View y);

}  // namespace peft::cuda
