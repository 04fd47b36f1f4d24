// The weights of a Hugging Face model folder: model.safetensors, or the shards that
// model.safetensors.index.json lists.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/limits.h"
#include "formats/output_tensor.h"
#include "formats/tensor_source.h"

namespace peft {

// Opens every file of the set; bitsandbytes' 4-bit groups come out as single entries of dtype nf4 or
// nf4_double. Index and shards must agree both ways, and the index may name plain files of this folder only.
// Throws Code::unsupported where only pickles (pytorch_model.bin, *.pt) or other frameworks' files are found,
// Code::not_found where nothing is, Code::format for a malformed set.
std::unique_ptr<TensorSource> open_checkpoint(const Folder& folder, const Limits& limits = {});
// One safetensors file outside of a model folder, groups resolved as above.
std::unique_ptr<TensorSource> open_checkpoint_file(const std::string& path, const Limits& limits = {});

// Writes model.safetensors, or shards of at most about `shard_bytes` with their index, into `folder`, which
// must exist; hand in the staging folder of an OutputFolder, so that the set appears as a whole. NF4 tensors
// are written as bitsandbytes' groups with `original` as the type that was quantized. Throws as
// write_safetensors.
void write_checkpoint(const std::string& folder, const std::vector<OutputTensor>& tensors,
                      int64_t shard_bytes = 5'000'000'000, DType original = DType::bf16);

}  // namespace peft
