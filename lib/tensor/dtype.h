// Element types, block layouts included. Arithmetic is f32; everything else is storage.
#pragma once

#include <cstdint>
#include <string_view>

#include "tensor/shape.h"

namespace peft {

enum class DType : uint8_t {
  f32,
  f16,
  bf16,
  i32,
  i64,
  u8,
  // NF4 as bitsandbytes has it: blocks of 64 over the row-major flattened tensor. See tensor/nf4.h for the
  // layout.
  nf4,         // one f32 maximum a block
  nf4_double,  // the maxima quantized to 8 bits in blocks of 256
  // GGUF block layouts: a row is a whole number of blocks, rows follow each other.
  q4_0,
  q4_1,
  q5_0,
  q5_1,
  q8_0,
  q2_k,
  q3_k,
  q4_k,
  q5_k,
  q6_k,
};
inline constexpr int dtype_count = 18;

struct DTypeTraits {
  std::string_view name;   // as printed: "f32", "nf4_double", "q4_1"
  int32_t block_elements;  // 1 for plain types
  int32_t block_bytes;     // bytes of one block (of one element for plain types); 0 for nf4 (not row-wise)
};

const DTypeTraits& traits(DType dtype);
inline std::string_view name_of(DType dtype) { return traits(dtype).name; }

constexpr bool is_nf4(DType dtype) { return dtype == DType::nf4 || dtype == DType::nf4_double; }
constexpr bool is_quantized(DType dtype) { return dtype >= DType::nf4; }
constexpr bool is_floating(DType dtype) { return dtype <= DType::bf16; }

// Bytes that hold a dense tensor of `shape`. Throws Code::format when a row is not a whole number of blocks
// or on overflow: safe on shapes that come from files.
int64_t storage_bytes(DType dtype, const Shape& shape);
// Bytes of one row of `columns` elements; not defined for nf4.
int64_t row_bytes(DType dtype, int64_t columns);

}  // namespace peft
