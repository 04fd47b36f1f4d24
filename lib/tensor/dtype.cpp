#include "tensor/dtype.h"

#include <array>

#include "base/checked.h"
#include "tensor/nf4.h"

namespace peft {
namespace {

// Rows in the order of DType. GGUF sizes: struct block_* of the format's specification, without padding.
constexpr std::array<DTypeTraits, dtype_count> table = {{
    {"f32", 1, 4},
    {"f16", 1, 2},
    {"bf16", 1, 2},
    {"i32", 1, 4},
    {"i64", 1, 8},
    {"u8", 1, 1},
    {"nf4", 64, 0},
    {"nf4_double", 64, 0},
    {"q4_0", 32, 18},
    {"q4_1", 32, 20},
    {"q5_0", 32, 22},
    {"q5_1", 32, 24},
    {"q8_0", 32, 34},
    {"q2_k", 256, 84},
    {"q3_k", 256, 110},
    {"q4_k", 256, 144},
    {"q5_k", 256, 176},
    {"q6_k", 256, 210},
}};

}  // namespace

const DTypeTraits& traits(DType dtype) {
  const auto index = static_cast<size_t>(dtype);
  PEFT_ASSERT(index < table.size());
  return table[index];
}

int64_t row_bytes(DType dtype, int64_t columns) {
  PEFT_ASSERT(!is_nf4(dtype));
  const DTypeTraits& t = traits(dtype);
  check(columns % t.block_elements == 0, Code::format,
        "{}: a row of {} elements is not a whole number of blocks of {}", t.name, columns, t.block_elements);
  return checked_multiply<int64_t>(columns / t.block_elements, t.block_bytes, "size in bytes");
}

int64_t storage_bytes(DType dtype, const Shape& shape) {
  if (is_nf4(dtype)) return Nf4Layout::of(dtype, shape.elements()).total_bytes;
  return checked_multiply(shape.rows(), row_bytes(dtype, shape.columns()), "size in bytes");
}

}  // namespace peft
