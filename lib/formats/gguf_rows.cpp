#include "formats/gguf_rows.h"

#include <cstring>

namespace peft {

void rotate_rows(const std::byte* from, std::byte* to, int64_t heads, int64_t rows, int64_t row_bytes,
                 bool to_gguf) {
  const int64_t head_rows = rows / heads, half = head_rows / 2;
  for (int64_t head = 0; head < heads; ++head) {
    for (int64_t i = 0; i < half; ++i) {
      for (int64_t part = 0; part < 2; ++part) {
        const int64_t halves = head * head_rows + part * half + i, pairs = head * head_rows + 2 * i + part;
        const int64_t source = to_gguf ? halves : pairs, target = to_gguf ? pairs : halves;
        std::memcpy(to + target * row_bytes, from + source * row_bytes, static_cast<size_t>(row_bytes));
      }
    }
  }
}

}  // namespace peft
