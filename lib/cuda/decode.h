// Decoding stored rows on the device.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "tensor/view.h"

namespace peft::cuda {

// out = rows [first_row, first_row + rows) of b, decoded.  b any floating or quantized type; out f32 or bf16 [rows,
// b.columns()], its rows may be strided.
void decode_rows(cudaStream_t stream, const ConstView& b, int64_t first_row, int64_t rows, const View& out);

}  // namespace peft::cuda
