// The order of rows that GGUF's converter gives the q and k weights of Llama.
#pragma once

#include <cstddef>
#include <cstdint>

namespace peft {

// Pairs (2i, 2i + 1) of each head instead of halves (i, i + rows / heads / 2). Copies `rows` rows of
// `row_bytes`; `to_gguf` interleaves, else undoes it. rows is a multiple of 2 * heads.
void rotate_rows(const std::byte* from, std::byte* to, int64_t heads, int64_t rows, int64_t row_bytes,
                 bool to_gguf);

}  // namespace peft
