#include "formats/safetensors_header.h"

#include <algorithm>
#include <array>
#include <unordered_set>

#include "base/checked.h"
#include "base/error.h"
#include "base/json.h"
#include "formats/tensor_source.h"

namespace peft {
namespace {

struct TypeRow {
  std::string_view name;
  int bits;
};
// In the order of SafetensorsType.
constexpr std::array<TypeRow, 22> type_rows = {
    {{"BOOL", 8},    {"F4", 4},      {"F6_E2M3", 6}, {"F6_E3M2", 6},     {"U8", 8},          {"I8", 8},
     {"F8_E5M2", 8}, {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8}, {"I16", 16},
     {"U16", 16},    {"F16", 16},    {"BF16", 16},   {"I32", 32},        {"U32", 32},        {"F32", 32},
     {"C64", 64},    {"F64", 64},    {"I64", 64},    {"U64", 64}}};
static_assert(type_rows.size() == static_cast<size_t>(SafetensorsType::u64) + 1);

std::optional<SafetensorsType> type_named(std::string_view name) {
  for (size_t i = 0; i < type_rows.size(); ++i) {
    if (type_rows[i].name == name) return static_cast<SafetensorsType>(i);
  }
  return std::nullopt;
}

// Walks the header's events without building a tree: memory stays proportional to the tensors, and nesting
// deeper than the format's own two levels is refused at the bracket.
class HeaderHandler {
 public:
  HeaderHandler(SafetensorsHeader& header, const std::string& what, const Limits& limits)
      : header_(header), what_(what), limits_(limits) {}

  bool null() { return unexpected("null"); }
  bool boolean(bool) { return unexpected("a boolean"); }
  bool number_integer(int64_t) { return unexpected("a negative number"); }
  bool number_float(double, const std::string&) {
    return unexpected("a number that is not a 64-bit integer");
  }
  bool binary(std::vector<std::uint8_t>&) { return unexpected("binary data"); }

  bool number_unsigned(uint64_t value) {
    if (state_ == State::shape) {
      if (sizes_.size() >= 64) return unexpected("more than 64 dimensions");
      sizes_.push_back(natural(value, "a dimension"));
    } else if (state_ == State::offsets) {
      if (offsets_.size() >= 2) return unexpected("more than two data offsets");
      offsets_.push_back(natural(value, "a data offset"));
    } else {
      return unexpected("a number");
    }
    return true;
  }

  bool string(std::string& value) {
    if (state_ == State::metadata) {
      check(static_cast<int64_t>(header_.metadata.size()) < limits_.metadata_entries, Code::limit,
            "{}: more than {} metadata entries", what_, limits_.metadata_entries);
      header_.metadata[key_] = std::move(value);
    } else if (state_ == State::tensor && key_ == "dtype") {
      type_ = type_named(value);
      if (!type_) {
        fail(Code::format, "{}: tensor '{}': unknown dtype '{}'", what_, printable(name_), printable(value));
      }
    } else {
      return unexpected("a string");
    }
    return true;
  }

  bool start_object(std::size_t) {
    if (state_ == State::start) {
      state_ = State::names;
    } else if (state_ == State::names) {
      state_ = name_ == "__metadata__" ? State::metadata : State::tensor;
      fields_.clear();
      type_.reset();
      sizes_.clear();
      offsets_.clear();
    } else {
      return unexpected("an object");
    }
    return true;
  }

  bool key(std::string& value) {
    if (state_ == State::names) {
      if (!names_.insert(value).second) {
        fail(Code::format, "{}: key '{}' occurs twice in the header", what_, printable(value));
      }
      name_ = std::move(value);
      return true;
    }
    if (!fields_.insert(value).second) {
      fail(Code::format, "{}: '{}': key '{}' occurs twice", what_, printable(name_), printable(value));
    }
    if (state_ == State::tensor && value != "dtype" && value != "shape" && value != "data_offsets") {
      fail(Code::format, "{}: tensor '{}': unknown key '{}'", what_, printable(name_), printable(value));
    }
    key_ = std::move(value);
    return true;
  }

  bool end_object() {
    if (state_ == State::tensor) add_tensor();
    state_ = state_ == State::names ? State::done : State::names;
    return true;
  }

  bool start_array(std::size_t) {
    if (state_ != State::tensor || key_ == "dtype") return unexpected("an array");
    state_ = key_ == "shape" ? State::shape : State::offsets;
    return true;
  }

  bool end_array() {
    state_ = State::tensor;
    return true;
  }

  // The exception's text quotes bytes of the file; the position is enough.
  bool parse_error(std::size_t position, const std::string&, const Json::exception&) {
    fail(Code::format, "{}: header is not valid JSON at byte {}", what_, position);
  }

 private:
  enum class State { start, names, metadata, tensor, shape, offsets, done };

  bool unexpected(const char* found) {
    fail(Code::format, "{}: header entry '{}', key '{}': unexpected {}", what_, printable(name_),
         printable(key_), found);
  }

  int64_t natural(uint64_t value, const char* role) const {
    if (value > static_cast<uint64_t>(INT64_MAX)) {
      fail(Code::format, "{}: tensor '{}': {} is out of range: {}", what_, printable(name_), role, value);
    }
    return static_cast<int64_t>(value);
  }

  void add_tensor() {
    if (fields_.size() != 3) {
      fail(Code::format, "{}: tensor '{}': expected dtype, shape and data_offsets, found {} of them", what_,
           printable(name_), fields_.size());
    }
    if (offsets_.size() != 2) {
      fail(Code::format, "{}: tensor '{}': expected two data offsets, found {}", what_, printable(name_),
           offsets_.size());
    }
    if (sizes_.size() > static_cast<size_t>(Shape::maximum_rank)) {
      fail(Code::unsupported, "{}: tensor '{}' has {} dimensions, at most {} are supported", what_,
           printable(name_), sizes_.size(), Shape::maximum_rank);
    }
    check(static_cast<int64_t>(header_.tensors.size()) < limits_.tensors, Code::limit,
          "{}: more than {} tensors", what_, limits_.tensors);
    header_.tensors.push_back(
        {name_, *type_, Shape(std::span<const int64_t>(sizes_)), offsets_[0], offsets_[1]});
  }

  SafetensorsHeader& header_;
  const std::string& what_;
  const Limits& limits_;
  State state_ = State::start;
  std::string name_, key_;
  std::unordered_set<std::string> names_, fields_;
  std::optional<SafetensorsType> type_;
  std::vector<int64_t> sizes_, offsets_;
};

int64_t bytes_of(const SafetensorsTensor& tensor, const std::string& what) {
  return with_context(what + ": tensor '" + printable(tensor.name) + "'", [&] {
    const int64_t bits = checked_multiply<int64_t>(tensor.shape.elements(), bits_of(tensor.type));
    check(bits % 8 == 0, Code::format, "{} elements of {} do not fill whole bytes", tensor.shape.elements(),
          name_of(tensor.type));
    return bits / 8;
  });
}

}  // namespace

std::string_view name_of(SafetensorsType type) { return type_rows[static_cast<size_t>(type)].name; }
int bits_of(SafetensorsType type) { return type_rows[static_cast<size_t>(type)].bits; }

std::optional<DType> dtype_of(SafetensorsType type) {
  switch (type) {
    case SafetensorsType::f32:
      return DType::f32;
    case SafetensorsType::f16:
      return DType::f16;
    case SafetensorsType::bf16:
      return DType::bf16;
    case SafetensorsType::i32:
      return DType::i32;
    case SafetensorsType::i64:
      return DType::i64;
    case SafetensorsType::u8:
      return DType::u8;
    default:
      return std::nullopt;
  }
}

SafetensorsType safetensors_type_of(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return SafetensorsType::f32;
    case DType::f16:
      return SafetensorsType::f16;
    case DType::bf16:
      return SafetensorsType::bf16;
    case DType::i32:
      return SafetensorsType::i32;
    case DType::i64:
      return SafetensorsType::i64;
    case DType::u8:
      return SafetensorsType::u8;
    default:
      fail(Code::unsupported, "a safetensors file cannot hold tensors of type {}", name_of(dtype));
  }
}

SafetensorsHeader parse_safetensors_header(std::string_view text, int64_t data_bytes, const std::string& what,
                                           const Limits& limits) {
  check(!text.empty() && text.front() == '{', Code::format, "{}: header does not begin with '{{'", what);
  // nlohmann's lexer takes a NUL byte for the end of the text and would ignore what follows.
  check(text.find('\0') == text.npos, Code::format, "{}: NUL byte in the header", what);
  SafetensorsHeader header;
  HeaderHandler handler(header, what, limits);
  if (!Json::sax_parse(text, &handler)) fail(Code::format, "{}: header is not valid JSON", what);

  std::stable_sort(header.tensors.begin(), header.tensors.end(), [](const auto& left, const auto& right) {
    return left.begin != right.begin ? left.begin < right.begin : left.end < right.end;
  });
  int64_t position = 0;
  for (const SafetensorsTensor& tensor : header.tensors) {
    if (tensor.begin != position || tensor.end < tensor.begin) {
      fail(Code::format,
           "{}: tensor '{}': data offsets [{}, {}] leave a hole, overlap or run backwards (expected {})",
           what, printable(tensor.name), tensor.begin, tensor.end, position);
    }
    if (tensor.end > data_bytes) {
      fail(Code::format, "{}: tensor '{}': data ends at byte {}, the file holds {}", what,
           printable(tensor.name), tensor.end, data_bytes);
    }
    const int64_t bytes = bytes_of(tensor, what);
    if (bytes != tensor.end - tensor.begin) {
      fail(Code::format, "{}: tensor '{}': {} {} needs {} bytes, data offsets span {}", what,
           printable(tensor.name), name_of(tensor.type), to_string(tensor.shape), bytes,
           tensor.end - tensor.begin);
    }
    position = tensor.end;
  }
  check(position == data_bytes, Code::format, "{}: tensors cover {} bytes of data, the file holds {}", what,
        position, data_bytes);
  return header;
}

std::string build_safetensors_header(SafetensorsHeader& header) {
  std::sort(header.tensors.begin(), header.tensors.end(), [](const auto& left, const auto& right) {
    return left.type != right.type ? left.type > right.type : left.name < right.name;
  });
  std::unordered_set<std::string_view> names;
  Json metadata = Json::object();
  for (const auto& [key, value] : header.metadata) metadata[key] = value;
  // Text is put together piece by piece: a JSON object that keeps its order searches linearly for each new
  // key.
  std::string text = "{";
  if (!header.metadata.empty()) text += "\"__metadata__\":" + dump_json(metadata);
  int64_t position = 0;
  for (SafetensorsTensor& tensor : header.tensors) {
    check(is_clean_name(tensor.name, Limits{}.name_bytes) && tensor.name != "__metadata__",
          Code::invalid_argument, "tensor name '{}' cannot be written", printable(tensor.name));
    check(names.insert(tensor.name).second, Code::invalid_argument, "tensor '{}' is declared twice",
          tensor.name);
    tensor.begin = position;
    position = checked_add(position, bytes_of(tensor, "safetensors"));
    tensor.end = position;
    const Json description = {
        {"dtype", std::string(name_of(tensor.type))},
        {"shape", Json(std::vector<int64_t>(tensor.shape.sizes().begin(), tensor.shape.sizes().end()))},
        {"data_offsets", Json(std::vector<int64_t>{tensor.begin, tensor.end})}};
    if (text.size() > 1) text += ',';
    text += dump_json(Json(tensor.name)) + ':' + dump_json(description);
  }
  text += '}';
  text.append(static_cast<size_t>(round_up(static_cast<int64_t>(text.size()), 8)) - text.size(), ' ');
  check(static_cast<int64_t>(text.size()) <= Limits{}.safetensors_header, Code::limit,
        "safetensors header of {} bytes exceeds the format's {}", text.size(), Limits{}.safetensors_header);
  return text;
}

}  // namespace peft
