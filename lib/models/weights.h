// Reading the parameters of a transformer from the tensors of a file, strictly both ways.
#pragma once

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

// The order of rows that GGUF's converter gives the q and k weights of Llama: pairs (2i, 2i + 1) instead of halves.
// Copies `rows` rows of `row_bytes`; `to_gguf` interleaves, else undoes it.
void rotate_rows(const std::byte* from, std::byte* to, int64_t heads, int64_t rows, int64_t row_bytes, bool to_gguf);

}  // namespace peft
