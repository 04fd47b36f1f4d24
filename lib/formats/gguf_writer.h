// Writing GGUF version 3, laid out as gguf-py does.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "formats/gguf_metadata.h"
#include "formats/output_tensor.h"

namespace peft {

// Writes metadata in its order (general.alignment is taken from it, 32 when absent) and tensors in theirs;
// `read` of a tensor delivers the bytes of its dtype, so Q8_0 comes encoded. Any dtype that GGUF knows goes.
// Through a temporary name, as write_safetensors. Throws Code::unsupported for NF4, Code::invalid_argument
// for bad or repeated names.
void write_gguf(const std::string& path, const GgufMetadata& metadata,
                const std::vector<OutputTensor>& tensors);

// ggml's Q8_0: blocks of 32, an f16 scale max|x|/127, codes rounded half away from zero. `values` holds a
// whole number of blocks, `out` 34 bytes for each. Throws Code::numeric for non-finite values and for maxima
// beyond f16's range.
void encode_q8_0(std::span<const float> values, std::span<std::byte> out);

// What decoding encode_q8_0's blocks gives.
void round_to_q8_0(std::span<float> values);

}  // namespace peft
