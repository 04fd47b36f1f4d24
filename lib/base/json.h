// JSON texts from files and callers: nlohmann-json behind size and depth caps, with accessors that name the field.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/limits.h"

namespace peft {

// Object keys keep the order of the text, so a file that is read and written again does not reshuffle.
// Looking up a key is a linear search: walk through large objects (vocabularies), do not look up every key.
using Json = nlohmann::ordered_json;

// Parses `text`; `what` names it in errors (a path or "adapter config"). Rejects: more bytes than limits.json_bytes,
// nesting beyond limits.json_depth (before any recursion), duplicate keys in one object, invalid UTF-8, numbers that
// overflow to infinity, trailing text.
Json parse_json(std::string_view text, const std::string& what, const Limits& limits = {});

// Compact when indent < 0. Invalid UTF-8 is replaced, non-finite numbers become null. A value that nests deeper than a
// parsed one may (Limits{}.json_depth) is Code::limit.
std::string dump_json(const Json& value, int indent = -1);

// Typed access to the fields of one object. `what` names the object in errors ("config.json", "config.json: rope_scaling").
// An absent key or an explicit null is "absent".
class JsonFields {
 public:
  JsonFields(const Json& object, std::string what);

  bool has(std::string_view key) const;
  // Raw value or nullptr when absent or null.
  const Json* find(std::string_view key) const;

  // Required. Throws Code::format naming file, field, expected and found.
  int64_t integer(std::string_view key, int64_t minimum, int64_t maximum) const;
  double number(std::string_view key, double minimum, double maximum) const;
  bool boolean(std::string_view key) const;
  std::string string(std::string_view key) const;

  // With a default for absent keys; a present value of the wrong type or range is still an error.
  int64_t integer_or(std::string_view key, int64_t fallback, int64_t minimum, int64_t maximum) const;
  double number_or(std::string_view key, double fallback, double minimum, double maximum) const;
  bool boolean_or(std::string_view key, bool fallback) const;
  std::string string_or(std::string_view key, std::string fallback) const;
  // Absent gives an empty optional; otherwise an array of strings.
  std::optional<std::vector<std::string>> strings(std::string_view key) const;

  const Json& object() const { return object_; }
  const std::string& what() const { return what_; }

 private:
  const Json& object_;
  std::string what_;
};

}  // namespace peft
