#include "capi/structs.h"

#include "data/utf8.h"

namespace peft::capi {
namespace {

void check_utf8(std::string_view text, const char* what) {
  const int64_t wrong = invalid_utf8(text);
  check(wrong < 0, Code::invalid_argument, "{} is not UTF-8 at byte {}", what, wrong);
}

}  // namespace

std::string read_string(const char* text, const char* what, size_t maximum) {
  check(text != nullptr, Code::invalid_argument, "{} is NULL", what);
  const size_t length = strnlen(text, maximum + 1);
  check(length <= maximum, Code::invalid_argument, "{} is longer than {} bytes", what, maximum);
  check_utf8({text, length}, what);
  return {text, length};
}

std::string_view read_text(const char* text, size_t text_len, int64_t maximum, const char* what) {
  check(text != nullptr || text_len == 0, Code::invalid_argument, "{} is NULL but its length is {}", what,
        text_len);
  check(text_len <= static_cast<size_t>(maximum), Code::limit, "{} has {} bytes, the limit is {}", what,
        text_len, maximum);
  if (!text) return {};
  check_utf8({text, text_len}, what);
  return {text, text_len};
}

std::span<const int32_t> read_ids(const int32_t* data, size_t n, int64_t maximum) {
  check(data != nullptr || n == 0, Code::invalid_argument, "data is NULL but n is {}", n);
  check(n <= static_cast<size_t>(maximum), Code::limit, "there are {} tokens, the limit is {}", n, maximum);
  return {data, n};
}

std::vector<std::string> split_list(const char* text, const char* what) {
  std::vector<std::string> parts;
  if (!text) return parts;
  const std::string all = read_string(text, what);
  size_t begin = 0;
  while (begin <= all.size()) {
    const size_t end = std::min(all.find(',', begin), all.size());
    const size_t first = all.find_first_not_of(" \t\n", begin);
    if (first < end) {
      const size_t last = all.find_last_not_of(" \t\n", end - 1);
      parts.push_back(all.substr(first, last - first + 1));
    }
    begin = end + 1;
  }
  return parts;
}

void check_flag(int32_t value, const char* what) {
  check(value == 0 || value == 1, Code::invalid_argument, "{} must be 0 or 1, not {}", what, value);
}

void deliver_text(std::string_view value, char* buf, size_t cap, size_t* len) {
  check(buf != nullptr || cap == 0, Code::invalid_argument, "buf is NULL but cap is {}", cap);
  if (len) *len = value.size();
  if (!buf) return;
  check(cap >= value.size(), Code::limit, "the buffer holds {} bytes, {} are needed", cap, value.size());
  if (!value.empty()) std::memcpy(buf, value.data(), value.size());
  if (cap > value.size()) buf[value.size()] = '\0';
}

}  // namespace peft::capi
