// Writing safetensors files, byte for byte as the Python library lays them out.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "formats/output_tensor.h"

namespace peft {

// Writes `path` in one go through a temporary name: until it is complete and durable, what was there stays.
// Tensors are ordered by the format (element type, then name), so `read` of each is called in that order.
// Throws Code::unsupported for block types (formats/bitsandbytes.h splits NF4), Code::invalid_argument for
// names that repeat or cannot be written, Code::io.
void write_safetensors(const std::string& path, const std::vector<OutputTensor>& tensors,
                       const std::map<std::string, std::string>& metadata = {{"format", "pt"}});

}  // namespace peft
