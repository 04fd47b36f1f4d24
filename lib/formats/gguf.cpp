#include "formats/gguf.h"

#include <array>
#include <bit>

#include "base/checked.h"
#include "base/error.h"
#include "formats/gguf_cursor.h"

static_assert(std::endian::native == std::endian::little, "GGUF and safetensors are read as little endian");

namespace peft {
namespace {

struct GgmlRow {
  uint32_t number;
  std::string_view name;
  std::optional<DType> dtype;
};
constexpr std::optional<DType> none;
constexpr GgmlRow ggml_rows[] = {
    {0, "F32", DType::f32},    {1, "F16", DType::f16},    {2, "Q4_0", DType::q4_0},
    {3, "Q4_1", DType::q4_1},  {6, "Q5_0", DType::q5_0},  {7, "Q5_1", DType::q5_1},
    {8, "Q8_0", DType::q8_0},  {9, "Q8_1", none},         {10, "Q2_K", DType::q2_k},
    {11, "Q3_K", DType::q3_k}, {12, "Q4_K", DType::q4_k}, {13, "Q5_K", DType::q5_k},
    {14, "Q6_K", DType::q6_k}, {15, "Q8_K", none},        {16, "IQ2_XXS", none},
    {17, "IQ2_XS", none},      {18, "IQ3_XXS", none},     {19, "IQ1_S", none},
    {20, "IQ4_NL", none},      {21, "IQ3_S", none},       {22, "IQ2_S", none},
    {23, "IQ4_XS", none},      {24, "I8", none},          {25, "I16", none},
    {26, "I32", DType::i32},   {27, "I64", DType::i64},   {28, "F64", none},
    {29, "IQ1_M", none},       {30, "BF16", DType::bf16}, {34, "TQ1_0", none},
    {35, "TQ2_0", none},       {39, "MXFP4", none},
};

// Fewest bytes that a key/value pair and a tensor description take: bounds on counts before anything is
// allocated.
constexpr int64_t smallest_pair = 8 + 4 + 1;
constexpr int64_t smallest_description = 8 + 4 + 4 + 8;

GgufArray read_array(GgufCursor& cursor, const std::string& path, const std::string& key,
                     const Limits& limits) {
  const auto type = cursor.scalar<uint32_t>("an array's type");
  const auto count = cursor.scalar<uint64_t>("an array's length");
  if (type == static_cast<uint32_t>(GgufType::array)) {
    fail(Code::unsupported, "{}: metadata '{}': arrays of arrays are not supported", path, printable(key));
  }
  if (type > static_cast<uint32_t>(GgufType::f64)) {
    fail(Code::format, "{}: metadata '{}': unknown element type {}", path, printable(key), type);
  }
  GgufArray array;
  array.element = static_cast<GgufType>(type);
  const bool strings = array.element == GgufType::string;
  const uint64_t element_bytes = strings ? 8 : static_cast<uint64_t>(bytes_of(array.element));
  if (count > static_cast<uint64_t>(cursor.remaining()) / element_bytes) {
    fail(Code::format, "{}: metadata '{}': array of {} elements runs past the end of the file", path,
         printable(key), count);
  }
  if (count > static_cast<uint64_t>(limits.array_elements)) {
    fail(Code::limit, "{}: metadata '{}': array of {} elements exceeds the limit of {}", path, printable(key),
         count, limits.array_elements);
  }
  if (strings) {
    array.strings.reserve(count);
    for (uint64_t i = 0; i < count; ++i) {
      array.strings.push_back(cursor.string("a string of an array", limits.string_bytes));
    }
  } else {
    array.numbers.resize(count * element_bytes);
    cursor.bytes(array.numbers, "an array");
  }
  if (array.element == GgufType::boolean) {
    for (const std::byte value : array.numbers) {
      check(value <= std::byte{1}, Code::format, "{}: metadata '{}': a boolean is neither 0 nor 1", path,
            printable(key));
    }
  }
  return array;
}

GgufValue read_value(GgufCursor& cursor, const std::string& path, const std::string& key,
                     const Limits& limits) {
  constexpr const char* what = "a metadata value";
  const auto type = cursor.scalar<uint32_t>("a metadata type");
  switch (static_cast<GgufType>(type)) {
    case GgufType::u8:
      return {GgufType::u8, uint64_t{cursor.scalar<uint8_t>(what)}};
    case GgufType::i8:
      return {GgufType::i8, int64_t{cursor.scalar<int8_t>(what)}};
    case GgufType::u16:
      return {GgufType::u16, uint64_t{cursor.scalar<uint16_t>(what)}};
    case GgufType::i16:
      return {GgufType::i16, int64_t{cursor.scalar<int16_t>(what)}};
    case GgufType::u32:
      return {GgufType::u32, uint64_t{cursor.scalar<uint32_t>(what)}};
    case GgufType::i32:
      return {GgufType::i32, int64_t{cursor.scalar<int32_t>(what)}};
    case GgufType::u64:
      return {GgufType::u64, cursor.scalar<uint64_t>(what)};
    case GgufType::i64:
      return {GgufType::i64, cursor.scalar<int64_t>(what)};
    case GgufType::f32:
      return {GgufType::f32, double{cursor.scalar<float>(what)}};
    case GgufType::f64:
      return {GgufType::f64, cursor.scalar<double>(what)};
    case GgufType::boolean: {
      const auto value = cursor.scalar<uint8_t>(what);
      check(value <= 1, Code::format, "{}: metadata '{}': expected a boolean 0 or 1, found {}", path,
            printable(key), value);
      return GgufValue::of_boolean(value == 1);
    }
    case GgufType::string:
      return GgufValue::of_string(cursor.string(what, limits.string_bytes));
    case GgufType::array:
      return {GgufType::array, read_array(cursor, path, key, limits)};
  }
  fail(Code::format, "{}: metadata '{}': unknown type {}", path, printable(key), type);
}

struct Description {
  TensorEntry entry;
  uint64_t offset = 0;  // from the start of the data
};

Description read_description(GgufCursor& cursor, const std::string& path, const Limits& limits) {
  Description result;
  TensorEntry& entry = result.entry;
  entry.name = cursor.string("a tensor name", limits.name_bytes);
  const std::string where = path + ": tensor '" + printable(entry.name) + "'";
  const auto dimensions = cursor.scalar<uint32_t>("a tensor's number of dimensions");
  check(dimensions <= static_cast<uint32_t>(Shape::maximum_rank), Code::format,
        "{}: expected at most {} dimensions, found {}", where, Shape::maximum_rank, dimensions);
  std::array<int64_t, Shape::maximum_rank> sizes{};
  for (uint32_t i = 0; i < dimensions; ++i) {
    const auto size = cursor.scalar<uint64_t>("a tensor's shape");
    check(size >= 1 && size <= static_cast<uint64_t>(INT64_MAX), Code::format, "{}: dimension {} has size {}",
          where, i, size);
    sizes[dimensions - 1 - i] = static_cast<int64_t>(size);
  }
  const auto type = cursor.scalar<uint32_t>("a tensor's type");
  result.offset = cursor.scalar<uint64_t>("a tensor's offset");
  const std::optional<DType> dtype = dtype_of_ggml(type);
  check(dtype.has_value(), Code::unsupported, "{}: element type {} is not supported", where,
        ggml_type_name(type));
  entry.dtype = *dtype;
  entry.stored_type = ggml_type_name(type);
  entry.shape = Shape(std::span<const int64_t>(sizes).first(dimensions));
  entry.bytes = with_context(where, [&] { return storage_bytes(*dtype, entry.shape); });
  return result;
}

}  // namespace

std::optional<DType> dtype_of_ggml(uint32_t type) {
  for (const GgmlRow& row : ggml_rows) {
    if (row.number == type) return row.dtype;
  }
  return std::nullopt;
}

std::optional<uint32_t> ggml_type_of(DType dtype) {
  for (const GgmlRow& row : ggml_rows) {
    if (row.dtype == dtype) return row.number;
  }
  return std::nullopt;
}

std::string ggml_type_name(uint32_t type) {
  for (const GgmlRow& row : ggml_rows) {
    if (row.number == type) return std::string(row.name);
  }
  return "type " + std::to_string(type);
}

bool looks_like_gguf(const InputFile& file) {
  if (file.size() < 4) return false;
  std::array<char, 4> magic;
  file.read_at(0, std::as_writable_bytes(std::span(magic)));
  return std::string_view(magic.data(), 4) == "GGUF";
}

GgufFile::GgufFile(InputFile file, const Limits& limits)
    : TensorSource(file.path(), limits), file_(std::move(file)), metadata_(file_.path()) {}

std::unique_ptr<GgufFile> GgufFile::open(const std::string& path, const Limits& limits) {
  return open(InputFile::open(path), limits);
}

std::unique_ptr<GgufFile> GgufFile::open(InputFile file, const Limits& limits) {
  std::unique_ptr<GgufFile> result(new GgufFile(std::move(file), limits));
  const InputFile& input = result->file_;
  const std::string& path = input.path();
  check(looks_like_gguf(input), Code::format, "{}: not a GGUF file: the first bytes are not 'GGUF'", path);

  GgufCursor cursor(input);
  cursor.scalar<uint32_t>("the magic number");
  result->version_ = cursor.scalar<uint32_t>("the version");
  const uint32_t version = result->version_;
  check((version & 0xffff) != 0 || version == 0, Code::unsupported,
        "{}: big-endian GGUF files are not supported", path);
  check(version == 2 || version == 3, Code::unsupported, "{}: expected GGUF version 2 or 3, found {}", path,
        version);

  const auto tensors = cursor.scalar<uint64_t>("the number of tensors");
  const auto pairs = cursor.scalar<uint64_t>("the number of metadata pairs");
  check(tensors <= static_cast<uint64_t>(cursor.remaining() / smallest_description), Code::format,
        "{}: {} tensors do not fit the file of {} bytes", path, tensors, input.size());
  check(pairs <= static_cast<uint64_t>(cursor.remaining() / smallest_pair), Code::format,
        "{}: {} metadata pairs do not fit the file of {} bytes", path, pairs, input.size());
  check(tensors <= static_cast<uint64_t>(limits.tensors), Code::limit,
        "{}: {} tensors exceed the limit of {}", path, tensors, limits.tensors);
  check(pairs <= static_cast<uint64_t>(limits.metadata_entries), Code::limit,
        "{}: {} metadata pairs exceed the limit of {}", path, pairs, limits.metadata_entries);

  GgufMetadata& metadata = result->metadata_;
  for (uint64_t i = 0; i < pairs; ++i) {
    std::string key = cursor.string("a metadata key", limits.name_bytes);
    if (!is_clean_name(key, limits.name_bytes)) {
      fail(Code::format, "{}: metadata key '{}' is not a name", path, printable(key));
    }
    check(!metadata.has(key), Code::format, "{}: metadata '{}' occurs twice", path, printable(key));
    GgufValue value = read_value(cursor, path, key, limits);
    metadata.set(std::move(key), std::move(value));
  }
  if (const GgufValue* value = metadata.find("general.alignment")) {
    check(value->type == GgufType::u32, Code::format,
          "{}: metadata 'general.alignment': expected u32, found {}", path, name_of(value->type));
    result->alignment_ = metadata.integer("general.alignment", 1, 1 << 20);
    check(std::has_single_bit(static_cast<uint64_t>(result->alignment_)), Code::format,
          "{}: metadata 'general.alignment': expected a power of two, found {}", path, result->alignment_);
  }
  check(metadata.integer_or("split.count", 1, 0, INT64_MAX) <= 1, Code::unsupported,
        "{}: one part of a split GGUF model; join the parts into one file first", path);

  std::vector<Description> descriptions;
  descriptions.reserve(tensors);
  for (uint64_t i = 0; i < tensors; ++i) descriptions.push_back(read_description(cursor, path, limits));

  // Data follows at the next multiple of the alignment, tensor after tensor, each padded to it.
  const int64_t data_start =
      tensors == 0 ? cursor.position() : round_up(cursor.position(), result->alignment_);
  int64_t expected = 0;
  for (Description& description : descriptions) {
    TensorEntry& entry = description.entry;
    const std::string name = printable(entry.name);
    check(description.offset == static_cast<uint64_t>(expected), Code::format,
          "{}: tensor '{}': expected its data at offset {}, found {}", path, name, expected,
          description.offset);
    const int64_t begin = checked_add(data_start, expected);
    const int64_t end = checked_add(begin, entry.bytes);
    check(end <= input.size(), Code::format, "{}: tensor '{}': data ends at byte {}, the file has {}", path,
          name, end, input.size());
    expected = round_up(expected + entry.bytes, result->alignment_);
    result->offsets_.push_back(begin);
    result->add(std::move(entry));
  }
  return result;
}

void GgufFile::read_bytes(int index, int64_t offset, std::span<std::byte> out) const {
  file_.read_at(offsets_[static_cast<size_t>(index)] + offset, out);
}

}  // namespace peft
