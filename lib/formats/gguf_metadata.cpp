#include "formats/gguf_metadata.h"

#include <array>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "formats/tensor_source.h"

namespace peft {
namespace {

struct TypeRow {
  std::string_view name;
  int bytes;
};
constexpr std::array<TypeRow, 13> type_rows = {{{"u8", 1},
                                                {"i8", 1},
                                                {"u16", 2},
                                                {"i16", 2},
                                                {"u32", 4},
                                                {"i32", 4},
                                                {"f32", 4},
                                                {"boolean", 1},
                                                {"string", 0},
                                                {"array", 0},
                                                {"u64", 8},
                                                {"i64", 8},
                                                {"f64", 8}}};

template <typename T>
T element_at(const GgufArray& array, int64_t index) {
  T value;
  std::memcpy(&value, array.numbers.data() + index * static_cast<int64_t>(sizeof(T)), sizeof(T));
  return value;
}

template <typename T>
GgufValue array_value(GgufType element, std::span<const T> values) {
  GgufArray array;
  array.element = element;
  array.numbers.resize(values.size_bytes());
  if (!values.empty()) std::memcpy(array.numbers.data(), values.data(), values.size_bytes());
  return {GgufType::array, std::move(array)};
}

}  // namespace

std::string_view name_of(GgufType type) { return type_rows[static_cast<size_t>(type)].name; }
int bytes_of(GgufType type) { return type_rows[static_cast<size_t>(type)].bytes; }

int64_t GgufArray::size() const {
  if (element == GgufType::string) return static_cast<int64_t>(strings.size());
  return static_cast<int64_t>(numbers.size()) / bytes_of(element);
}

GgufValue GgufValue::of_u32(uint32_t value) { return {GgufType::u32, uint64_t{value}}; }
GgufValue GgufValue::of_u64(uint64_t value) { return {GgufType::u64, value}; }
GgufValue GgufValue::of_i32(int32_t value) { return {GgufType::i32, int64_t{value}}; }
GgufValue GgufValue::of_f32(float value) { return {GgufType::f32, double{value}}; }
GgufValue GgufValue::of_boolean(bool value) { return {GgufType::boolean, value}; }
GgufValue GgufValue::of_string(std::string value) { return {GgufType::string, std::move(value)}; }
GgufValue GgufValue::of_strings(std::vector<std::string> values) {
  GgufArray array;
  array.element = GgufType::string;
  array.strings = std::move(values);
  return {GgufType::array, std::move(array)};
}
GgufValue GgufValue::of_floats(std::span<const float> values) { return array_value(GgufType::f32, values); }
GgufValue GgufValue::of_i32s(std::span<const int32_t> values) { return array_value(GgufType::i32, values); }

const GgufValue* GgufMetadata::find(std::string_view key) const {
  const auto found = by_key_.find(key);
  return found == by_key_.end() ? nullptr : &items_[found->second].second;
}

const GgufValue& GgufMetadata::at(std::string_view key) const {
  const GgufValue* value = find(key);
  if (value == nullptr) fail(Code::not_found, "{}: no metadata '{}'", what_, printable(key));
  return *value;
}

void GgufMetadata::set(std::string key, GgufValue value) {
  const auto found = by_key_.find(key);
  if (found != by_key_.end()) {
    items_[found->second].second = std::move(value);
    return;
  }
  by_key_.emplace(key, items_.size());
  items_.emplace_back(std::move(key), std::move(value));
}

void GgufMetadata::erase(std::string_view key) {
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return;
  items_.erase(items_.begin() + static_cast<std::ptrdiff_t>(found->second));
  by_key_.clear();
  for (size_t i = 0; i < items_.size(); ++i) by_key_.emplace(items_[i].first, i);
}

int64_t GgufMetadata::integer(std::string_view key, int64_t minimum, int64_t maximum) const {
  const GgufValue& value = at(key);
  const auto* natural = std::get_if<uint64_t>(&value.data);
  const auto* integer = std::get_if<int64_t>(&value.data);
  if (natural == nullptr && integer == nullptr) {
    fail(Code::format, "{}: metadata '{}': expected an integer, found {}", what_, printable(key),
         name_of(value.type));
  }
  const bool fits = natural != nullptr ? *natural <= static_cast<uint64_t>(INT64_MAX) : true;
  const int64_t result = natural != nullptr ? static_cast<int64_t>(*natural) : *integer;
  if (!fits || result < minimum || result > maximum) {
    fail(Code::format, "{}: metadata '{}': expected an integer from {} to {}, found {}", what_,
         printable(key), minimum, maximum,
         natural != nullptr ? std::to_string(*natural) : std::to_string(*integer));
  }
  return result;
}

double GgufMetadata::number(std::string_view key, double minimum, double maximum) const {
  const GgufValue& value = at(key);
  double result = 0;
  if (const auto* real = std::get_if<double>(&value.data)) {
    result = *real;
  } else if (const auto* natural = std::get_if<uint64_t>(&value.data)) {
    result = static_cast<double>(*natural);
  } else if (const auto* integer = std::get_if<int64_t>(&value.data)) {
    result = static_cast<double>(*integer);
  } else {
    fail(Code::format, "{}: metadata '{}': expected a number, found {}", what_, printable(key),
         name_of(value.type));
  }
  // Written so that NaN fails.
  if (!(result >= minimum && result <= maximum)) {
    fail(Code::format, "{}: metadata '{}': expected a number from {} to {}, found {}", what_, printable(key),
         minimum, maximum, result);
  }
  return result;
}

const std::string& GgufMetadata::string(std::string_view key) const {
  const GgufValue& value = at(key);
  const auto* text = std::get_if<std::string>(&value.data);
  if (text == nullptr) {
    fail(Code::format, "{}: metadata '{}': expected a string, found {}", what_, printable(key),
         name_of(value.type));
  }
  return *text;
}

int64_t GgufMetadata::integer_or(std::string_view key, int64_t fallback, int64_t minimum,
                                 int64_t maximum) const {
  return has(key) ? integer(key, minimum, maximum) : fallback;
}

double GgufMetadata::number_or(std::string_view key, double fallback, double minimum, double maximum) const {
  return has(key) ? number(key, minimum, maximum) : fallback;
}

bool GgufMetadata::boolean_or(std::string_view key, bool fallback) const {
  const GgufValue* value = find(key);
  if (value == nullptr) return fallback;
  const auto* result = std::get_if<bool>(&value->data);
  if (result == nullptr) {
    fail(Code::format, "{}: metadata '{}': expected a boolean, found {}", what_, printable(key),
         name_of(value->type));
  }
  return *result;
}

std::string GgufMetadata::string_or(std::string_view key, std::string fallback) const {
  return has(key) ? string(key) : std::move(fallback);
}

bool GgufMetadata::is_array(std::string_view key) const {
  const GgufValue* value = find(key);
  return value != nullptr && value->type == GgufType::array;
}

const GgufArray& GgufMetadata::array(std::string_view key, const char* expected) const {
  const GgufValue& value = at(key);
  const auto* result = std::get_if<GgufArray>(&value.data);
  if (result == nullptr) {
    fail(Code::format, "{}: metadata '{}': expected {}, found {}", what_, printable(key), expected,
         name_of(value.type));
  }
  return *result;
}

const std::vector<std::string>& GgufMetadata::strings(std::string_view key) const {
  const GgufArray& result = array(key, "an array of strings");
  if (result.element != GgufType::string) {
    fail(Code::format, "{}: metadata '{}': expected an array of strings, found one of {}", what_,
         printable(key), name_of(result.element));
  }
  return result.strings;
}

std::vector<int64_t> GgufMetadata::integers(std::string_view key) const {
  const GgufArray& source = array(key, "an array of integers");
  std::vector<int64_t> result(static_cast<size_t>(source.size()));
  for (size_t i = 0; i < result.size(); ++i) {
    const auto at_index = static_cast<int64_t>(i);
    switch (source.element) {
      case GgufType::u8:
      case GgufType::boolean:
        result[i] = element_at<uint8_t>(source, at_index);
        break;
      case GgufType::i8:
        result[i] = element_at<int8_t>(source, at_index);
        break;
      case GgufType::u16:
        result[i] = element_at<uint16_t>(source, at_index);
        break;
      case GgufType::i16:
        result[i] = element_at<int16_t>(source, at_index);
        break;
      case GgufType::u32:
        result[i] = element_at<uint32_t>(source, at_index);
        break;
      case GgufType::i32:
        result[i] = element_at<int32_t>(source, at_index);
        break;
      case GgufType::i64:
        result[i] = element_at<int64_t>(source, at_index);
        break;
      case GgufType::u64: {
        const auto value = element_at<uint64_t>(source, at_index);
        check(value <= static_cast<uint64_t>(INT64_MAX), Code::format,
              "{}: metadata '{}': element {} is too large: {}", what_, printable(key), i, value);
        result[i] = static_cast<int64_t>(value);
        break;
      }
      default:
        fail(Code::format, "{}: metadata '{}': expected an array of integers, found one of {}", what_,
             printable(key), name_of(source.element));
    }
  }
  return result;
}

std::vector<float> GgufMetadata::floats(std::string_view key) const {
  const GgufArray& source = array(key, "an array of floats");
  if (source.element != GgufType::f32 && source.element != GgufType::f64) {
    fail(Code::format, "{}: metadata '{}': expected an array of floats, found one of {}", what_,
         printable(key), name_of(source.element));
  }
  std::vector<float> result(static_cast<size_t>(source.size()));
  for (size_t i = 0; i < result.size(); ++i) {
    const auto at_index = static_cast<int64_t>(i);
    result[i] = source.element == GgufType::f32 ? element_at<float>(source, at_index)
                                                : static_cast<float>(element_at<double>(source, at_index));
  }
  return result;
}

}  // namespace peft
