// The key/value part of a GGUF file, typed as in the file.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

namespace peft {

enum class GgufType : uint32_t {
  u8 = 0,
  i8 = 1,
  u16 = 2,
  i16 = 3,
  u32 = 4,
  i32 = 5,
  f32 = 6,
  boolean = 7,
  string = 8,
  array = 9,
  u64 = 10,
  i64 = 11,
  f64 = 12,
};
std::string_view name_of(GgufType type);
// Bytes of a scalar in the file; 0 for strings and arrays.
int bytes_of(GgufType type);

// One-dimensional; arrays of arrays are not supported.
struct GgufArray {
  GgufType element = GgufType::u8;
  std::vector<std::byte> numbers;    // little endian, size() * bytes_of(element)
  std::vector<std::string> strings;  // element == string
  int64_t size() const;
};

struct GgufValue {
  GgufType type = GgufType::u8;
  // Unsigned types, signed types, f32 and f64, boolean, string, array.
  std::variant<uint64_t, int64_t, double, bool, std::string, GgufArray> data;

  static GgufValue of_u32(uint32_t value);
  static GgufValue of_u64(uint64_t value);
  static GgufValue of_i32(int32_t value);
  static GgufValue of_f32(float value);
  static GgufValue of_boolean(bool value);
  static GgufValue of_string(std::string value);
  static GgufValue of_strings(std::vector<std::string> values);
  static GgufValue of_floats(std::span<const float> values);
  static GgufValue of_i32s(std::span<const int32_t> values);
};

// Keys in the file's order. The accessors name file, key, expected and found (Code::format; absent:
// Code::not_found). Integers are taken from any integer type, numbers from any integer or float type.
class GgufMetadata {
 public:
  explicit GgufMetadata(std::string what = "GGUF metadata") : what_(std::move(what)) {}

  const std::vector<std::pair<std::string, GgufValue>>& items() const { return items_; }
  bool has(std::string_view key) const { return find(key) != nullptr; }
  const GgufValue* find(std::string_view key) const;  // nullptr when absent
  void set(std::string key, GgufValue value);         // replaces
  void erase(std::string_view key);

  int64_t integer(std::string_view key, int64_t minimum, int64_t maximum) const;
  double number(std::string_view key, double minimum, double maximum) const;
  const std::string& string(std::string_view key) const;
  int64_t integer_or(std::string_view key, int64_t fallback, int64_t minimum, int64_t maximum) const;
  double number_or(std::string_view key, double fallback, double minimum, double maximum) const;
  bool boolean_or(std::string_view key, bool fallback) const;
  std::string string_or(std::string_view key, std::string fallback) const;

  bool is_array(std::string_view key) const;
  const std::vector<std::string>& strings(std::string_view key) const;
  std::vector<int64_t> integers(std::string_view key) const;  // booleans as 0 and 1
  std::vector<float> floats(std::string_view key) const;

 private:
  const GgufValue& at(std::string_view key) const;
  const GgufArray& array(std::string_view key, const char* expected) const;

  struct KeyHash {
    using is_transparent = void;
    size_t operator()(std::string_view key) const { return std::hash<std::string_view>{}(key); }
  };
  std::string what_;
  std::vector<std::pair<std::string, GgufValue>> items_;
  std::unordered_map<std::string, size_t, KeyHash, std::equal_to<>> by_key_;
};

}  // namespace peft
