// Reading the parameters of a transformer from the tensors of a file, strictly both ways.
#pragma once

#include "formats/gguf_rows.h"
#include "formats/tensor_source.h"
#include "models/family.h"
#include "models/model.h"

namespace peft {

enum class Naming : uint8_t { hugging_face, gguf };

// Fills the checkpoint's paths of modules and parameters (always Hugging Face's: adapter files speak them).
void name_layout(const Family& family, Layout& layout);

// Loads every parameter of `transformer` from `source`. Afterwards every tensor of the file was used once.
void load_weights(Transformer& transformer, const Family& family, const TensorSource& source, Naming naming,
                  Context& context, const LoadOptions& options);

// Frequencies that GGUF stores as divisors (rope_freqs.weight) as llama3 scaling; Code::unsupported when they are not.
void apply_rope_divisors(std::span<const float> divisors, Json& config);

// What GGUF files of the family call a module's weight.
struct GgufWeight {
  std::string name;               // "blk.3.attn_q.weight"
  int64_t interleaved_heads = 0;  // heads whose rows the file has interleaved; 0: as we have them
};
GgufWeight gguf_weight_of(const Family& family, const ModelSpec& spec, const Module& module);

}  // namespace peft
