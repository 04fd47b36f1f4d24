// Decoding stored rows on the device.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "tensor/view.h"

namespace peft::cuda {

// out = rows [first_row, first_row + rows) and columns [first_column, first_column + out.columns()) of b, decoded.  b
// any floating or quantized type, first_column a multiple of its blocks; out f32 or bf16, its rows may be strided.
void decode_part(cudaStream_t stream, const ConstView& b, int64_t first_row, int64_t first_column, const View& out);

}  // namespace peft::cuda
