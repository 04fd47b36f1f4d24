// LoRA adapters as GGUF files, for llama.cpp.
#pragma once

#include <functional>
#include <string>

#include "adapters/adapter.h"
#include "nn/transformer.h"

namespace peft {

// What the base model's GGUF file calls a module's weight.
struct GgufTarget {
  std::string name;               // "blk.3.attn_q.weight"
  int64_t interleaved_heads = 0;  // heads whose rows the file has interleaved; 0: none
};

struct SaveGgufAdapterOptions {
  std::string architecture;  // general.architecture of the base
  std::function<GgufTarget(const Module&)> target_of;
  DType dtype = DType::f32;  // f32, f16 or bf16
};

// Writes general.type "adapter", adapter.type "lora", adapter.lora.alpha and for every target NAME.lora_a [r,
// in] and NAME.lora_b [out, r], rows of B in the file's order; of token embeddings lora_a is [vocabulary, r].
// Reads the file again and compares before it takes the place of another. Code::unsupported names what such a
// file cannot hold, or llama.cpp would take for something else: methods other than LoRA, whole parameters
// (modules_to_save, biases), scales that are not one alpha over the rank, tied embeddings and heads, learned
// positions. Code::numeric: a value that the type cannot hold. `model` is not changed meanwhile.
void save_gguf_adapter(const Adapter& adapter, const Transformer& model, const std::string& path,
                       Context& context, const SaveGgufAdapterOptions& options);

}  // namespace peft
