#include "base/json.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/error.h"

namespace peft {
namespace {

// The object or array being read. Values are gathered apart and moved into place at its end, because
// inserting into an ordered object searches all its keys.
struct OpenValue {
  bool is_object = false;
  std::vector<std::string> keys;
  Json::array_t values;
};

const std::string* repeated_key(const std::vector<std::string>& keys) {
  std::vector<const std::string*> sorted(keys.size());
  std::transform(keys.begin(), keys.end(), sorted.begin(), [](const std::string& key) { return &key; });
  std::sort(sorted.begin(), sorted.end(), [](const auto* a, const auto* b) { return *a < *b; });
  const auto at =
      std::adjacent_find(sorted.begin(), sorted.end(), [](const auto* a, const auto* b) { return *a == *b; });
  return at == sorted.end() ? nullptr : *at;
}

// Receives the events of nlohmann's iterative parser and enforces the limits before it keeps anything.
class Builder {
 public:
  using number_integer_t = Json::number_integer_t;
  using number_unsigned_t = Json::number_unsigned_t;
  using number_float_t = Json::number_float_t;
  using string_t = Json::string_t;
  using binary_t = Json::binary_t;

  Builder(std::string_view text, const std::string& what, const Limits& limits)
      : text_(text), what_(what), limits_(limits) {}

  bool null() { return add(nullptr); }
  bool boolean(bool value) { return add(value); }
  bool number_integer(number_integer_t value) { return add(value); }
  bool number_unsigned(number_unsigned_t value) { return add(value); }
  bool number_float(number_float_t value, const string_t&) { return add(value); }
  bool string(string_t& value) {
    check_length(value);
    return add(std::move(value));
  }
  bool binary(binary_t&) { return false; }
  bool start_object(size_t) { return open(true); }
  bool start_array(size_t) { return open(false); }
  bool key(string_t& value) {
    check_length(value);
    open_.back().keys.push_back(std::move(value));
    return true;
  }

  bool end_object() {
    OpenValue closed = close();
    if (const std::string* key = repeated_key(closed.keys))
      fail(Code::format, "{}: duplicate key '{}' in one object", what_, *key);
    Json::object_t object;
    object.reserve(closed.keys.size());
    // The vector's emplace_back: the map's own would search for every key again.
    std::vector<Json::object_t::value_type>& entries = object;
    for (size_t i = 0; i < closed.keys.size(); ++i)
      entries.emplace_back(std::move(closed.keys[i]), std::move(closed.values[i]));
    return place(Json(std::move(object)));
  }
  bool end_array() { return place(Json(close().values)); }

  bool parse_error(size_t position, const std::string& /*token*/, const nlohmann::detail::exception& error) {
    const std::string_view before = text_.substr(0, std::min(position, text_.size()));
    const auto line = 1 + std::count(before.begin(), before.end(), '\n');
    // nlohmann's text is "[json.exception...] parse error at line 1, column 2: reason" or
    // "[json.exception...] reason".
    std::string_view reason = error.what();
    for (const std::string_view mark : {"] ", "column "})
      if (const size_t at = reason.find(mark); at != reason.npos) reason.remove_prefix(at + mark.size());
    std::string shown(reason.substr(0, 200));
    for (char& c : shown)
      if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7f) c = '?';
    fail(Code::format, "{}: line {}: malformed JSON: {}", what_, line, shown);
  }

  Json take() { return std::move(result_); }

 private:
  void count_value() {
    check(++values_ <= limits_.json_values, Code::limit, "{}: more than {} JSON values", what_,
          limits_.json_values);
  }
  void check_length(const std::string& value) const {
    check(static_cast<int64_t>(value.size()) <= limits_.string_bytes, Code::limit,
          "{}: a JSON string of {} bytes, at most {} allowed", what_, value.size(), limits_.string_bytes);
  }
  bool open(bool is_object) {
    check(static_cast<int64_t>(open_.size()) < limits_.json_depth, Code::limit,
          "{}: JSON nests deeper than {}", what_, limits_.json_depth);
    count_value();
    open_.emplace_back().is_object = is_object;
    return true;
  }
  OpenValue close() {
    OpenValue closed = std::move(open_.back());
    open_.pop_back();
    return closed;
  }
  template <typename Value>
  bool add(Value&& value) {
    count_value();
    return place(Json(std::forward<Value>(value)));
  }
  bool place(Json&& value) {
    if (open_.empty())
      result_ = std::move(value);
    else
      open_.back().values.push_back(std::move(value));
    return true;
  }

  const std::string_view text_;
  const std::string& what_;
  const Limits& limits_;
  std::vector<OpenValue> open_;
  Json result_;
  int64_t values_ = 0;
};

// Without recursion: a value that a program built may nest as deep as it likes.
bool nests_deeper_than(const Json& value, size_t depth) {
  std::vector<std::pair<const Json*, size_t>> open = {{&value, 0}};
  while (!open.empty()) {
    const auto [at, level] = open.back();
    open.pop_back();
    if (!at->is_structured()) continue;
    if (level >= depth) return true;
    for (const Json& child : *at)
      if (child.is_structured()) open.emplace_back(&child, level + 1);
  }
  return false;
}

const char* type_of(const Json& value) {
  return value.is_number_float() ? "number" : value.is_number() ? "integer" : value.type_name();
}

}  // namespace

Json parse_json(std::string_view text, const std::string& what, const Limits& limits) {
  check(static_cast<int64_t>(text.size()) <= limits.json_bytes, Code::limit,
        "{}: {} bytes of JSON, at most {} allowed", what, text.size(), limits.json_bytes);
  // nlohmann's lexer takes a NUL byte for the end of the text and would ignore what follows.
  check(text.find('\0') == text.npos, Code::format, "{}: malformed JSON: NUL byte at offset {}", what,
        text.find('\0'));
  Builder builder(text, what, limits);
  const bool parsed = Json::sax_parse(text.begin(), text.end(), &builder);
  check(parsed, Code::format, "{}: malformed JSON", what);
  return builder.take();
}

std::string dump_json(const Json& value, int indent) {
  const Limits limits;
  check(!nests_deeper_than(value, static_cast<size_t>(limits.json_depth)), Code::limit,
        "JSON nests deeper than {}", limits.json_depth);
  return value.dump(indent, ' ', false, Json::error_handler_t::replace);
}

JsonFields::JsonFields(const Json& object, std::string what) : object_(object), what_(std::move(what)) {
  check(object.is_object(), Code::format, "{}: expected an object, found {}", what_, type_of(object));
}

const Json* JsonFields::find(std::string_view key) const {
  const auto& entries = object_.get_ref<const Json::object_t&>();
  for (const auto& [name, value] : entries)
    if (name == key) return value.is_null() ? nullptr : &value;
  return nullptr;
}

bool JsonFields::has(std::string_view key) const { return find(key) != nullptr; }

namespace {

const Json& required(const JsonFields& fields, std::string_view key, const char* type) {
  const Json* value = fields.find(key);
  check(value != nullptr, Code::format, "{}: field '{}': expected {}, found nothing", fields.what(), key,
        type);
  return *value;
}

void check_type(bool right, const JsonFields& fields, std::string_view key, const char* type,
                const Json& found) {
  check(right, Code::format, "{}: field '{}': expected {}, found {}", fields.what(), key, type,
        type_of(found));
}

}  // namespace

int64_t JsonFields::integer(std::string_view key, int64_t minimum, int64_t maximum) const {
  const Json& value = required(*this, key, "integer");
  check_type(value.is_number_integer(), *this, key, "integer", value);
  const bool fits = !value.is_number_unsigned() || value.get<uint64_t>() <= uint64_t{INT64_MAX};
  const int64_t number = fits ? value.get<int64_t>() : 0;
  check(fits && number >= minimum && number <= maximum, Code::format,
        "{}: field '{}': expected integer from {} to {}, found {}", what_, key, minimum, maximum,
        value.dump());
  return number;
}

double JsonFields::number(std::string_view key, double minimum, double maximum) const {
  const Json& value = required(*this, key, "number");
  check_type(value.is_number(), *this, key, "number", value);
  const double number = value.get<double>();
  check(number >= minimum && number <= maximum, Code::format,
        "{}: field '{}': expected number from {} to {}, found {}", what_, key, minimum, maximum, number);
  return number;
}

bool JsonFields::boolean(std::string_view key) const {
  const Json& value = required(*this, key, "boolean");
  check_type(value.is_boolean(), *this, key, "boolean", value);
  return value.get<bool>();
}

std::string JsonFields::string(std::string_view key) const {
  const Json& value = required(*this, key, "string");
  check_type(value.is_string(), *this, key, "string", value);
  return value.get<std::string>();
}

int64_t JsonFields::integer_or(std::string_view key, int64_t fallback, int64_t minimum,
                               int64_t maximum) const {
  return has(key) ? integer(key, minimum, maximum) : fallback;
}

double JsonFields::number_or(std::string_view key, double fallback, double minimum, double maximum) const {
  return has(key) ? number(key, minimum, maximum) : fallback;
}

bool JsonFields::boolean_or(std::string_view key, bool fallback) const {
  return has(key) ? boolean(key) : fallback;
}

std::string JsonFields::string_or(std::string_view key, std::string fallback) const {
  return has(key) ? string(key) : std::move(fallback);
}

std::optional<std::vector<std::string>> JsonFields::strings(std::string_view key) const {
  const Json* value = find(key);
  if (!value) return std::nullopt;
  check_type(value->is_array(), *this, key, "array of strings", *value);
  std::vector<std::string> result;
  result.reserve(value->size());
  for (const Json& item : *value) {
    check(item.is_string(), Code::format, "{}: field '{}': expected array of strings, found {} at index {}",
          what_, key, type_of(item), result.size());
    result.push_back(item.get<std::string>());
  }
  return result;
}

}  // namespace peft
