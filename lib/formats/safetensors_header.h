// The JSON header of a safetensors file: parsing (a hostile text) and building (byte for byte as the Python
// library).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/limits.h"
#include "tensor/dtype.h"
#include "tensor/shape.h"

namespace peft {

// Every element type of the format, in its own order: files are sorted by it, the last first.
enum class SafetensorsType : uint8_t {
  boolean,
  f4,
  f6_e2m3,
  f6_e3m2,
  u8,
  i8,
  f8_e5m2,
  f8_e4m3,
  f8_e8m0,
  f8_e4m3fnuz,
  f8_e5m2fnuz,
  i16,
  u16,
  f16,
  bf16,
  i32,
  u32,
  f32,
  c64,
  f64,
  i64,
  u64,
};

std::string_view name_of(SafetensorsType type);  // "BF16"
int bits_of(SafetensorsType type);               // of one element
std::optional<DType> dtype_of(SafetensorsType type);
// Block types have no place in a safetensors file: Code::unsupported.
SafetensorsType safetensors_type_of(DType dtype);

struct SafetensorsTensor {
  std::string name;
  SafetensorsType type = SafetensorsType::f32;
  Shape shape;
  int64_t begin = 0, end = 0;  // bytes from the start of the data section
};

struct SafetensorsHeader {
  std::vector<SafetensorsTensor> tensors;       // in the order of their data
  std::map<std::string, std::string> metadata;  // "__metadata__"
};

// Parses and validates `text` against a data section of `data_bytes`: known types, sizes that match shapes,
// no hole, no overlap, nothing left over, no duplicate or unknown key. Throws Code::format, Code::limit, or
// Code::unsupported for more dimensions than Shape holds. `what` names the file.
SafetensorsHeader parse_safetensors_header(std::string_view text, int64_t data_bytes, const std::string& what,
                                           const Limits& limits);

// Fills begin and end in file order (element type descending, then name), reorders `header.tensors` so, and
// returns the JSON text, padded with spaces to a multiple of 8. Throws Code::invalid_argument on bad or
// duplicate names.
std::string build_safetensors_header(SafetensorsHeader& header);

}  // namespace peft
