// Writing a model: a Hugging Face folder or a GGUF file.
#pragma once

#include <optional>
#include <string>

#include "models/model.h"

namespace peft {

struct SaveOptions {
  std::optional<DType> dtype;  // none: as held. f32, f16, bf16 in folders; q8_0 too in GGUF
  bool tokenizer = true;
  int64_t shard_bytes = 5'000'000'000;
  const CancelToken* cancel = nullptr;
};

// A folder that Transformers reads: config.json, safetensors (NF4 as bitsandbytes has it), tokenizer, chat template. Saving
// over the folder it was loaded from is safe. A model's files are replaced
// as a whole, other files beside them stay; a folder without a config.json, or with folders, is somebody's own: Code::refused.
// Code::unsupported names a tensor whose type the format cannot hold.
void save_folder(const Model& model, const std::string& path, Context& context, const SaveOptions& options);

// A GGUF file with the tokenizer inside. Code::unsupported where GGUF has no place for something, a part of the tokenizer
// among it: nothing is written then.
void save_gguf(const Model& model, const std::string& path, Context& context, const SaveOptions& options);

}  // namespace peft
