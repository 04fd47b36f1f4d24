// bitsandbytes' 4-bit tensors on disk: one weight is a group of tensors, here one entry in the layout of
// tensor/nf4.h.
//
//   X                                   u8 [(n + 1) / 2, 1]    codes, even element in the high nibble
//   X.absmax                            f32 [blocks], or u8 [blocks] when nested
//   X.quant_map                         f32 [16]
//   X.nested_absmax, .nested_quant_map  f32 [nested blocks], f32 [256]
//   X.quant_state.bitsandbytes__nf4     u8: JSON with quant_type, blocksize, dtype, shape, nested_*
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/limits.h"
#include "formats/output_tensor.h"
#include "formats/tensor_source.h"

namespace peft {

// Wraps `source` so that every group is one entry of dtype nf4 or nf4_double with the weight's name and
// shape; returns `source` itself when it has none. The maps and states are read and compared at once. Throws
// Code::unsupported, naming what was found, for fp4, other block sizes, other maps; Code::format for groups
// that lack a part or whose sizes disagree; Code::numeric for a non-finite nested offset.
std::unique_ptr<TensorSource> resolve_bitsandbytes(std::unique_ptr<TensorSource> source,
                                                   const Limits& limits = {});

// The tensors that bitsandbytes would save for `tensor` (dtype nf4 or nf4_double). `original` is the type
// recorded as the one before quantization. Calls tensor.read for the nested offset.
std::vector<OutputTensor> bitsandbytes_parts(const OutputTensor& tensor, DType original);

// config.json's "quantization_config", as Transformers writes it. `compute` and `skipped` (module names kept
// dense, may be empty) are recorded for readers.
Json bitsandbytes_config(bool double_quantization, DType compute,
                         const std::vector<std::string>& skipped = {});

}  // namespace peft
