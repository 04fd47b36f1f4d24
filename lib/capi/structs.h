// Structures, strings and buffers as they cross the border.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "capi/guard.h"
#include "peft/base.h"

namespace peft::capi {

inline constexpr size_t largest_struct = 4096;

// Fills what the caller has room for and sets struct_size. `defaults` is complete.
template <typename T>
peft_status init_struct(T* target, size_t size, const T& defaults) {
  return guard([&] {
    check(target != nullptr, Code::invalid_argument, "the structure is NULL");
    check(size >= sizeof(uint32_t) && size <= largest_struct, Code::invalid_argument,
          "the structure's size is {}, expected {}", size, sizeof(T));
    const size_t known = std::min(size, sizeof(T));
    std::memset(static_cast<void*>(target), 0, size);
    std::memcpy(static_cast<void*>(target), &defaults, known);
    const auto recorded = static_cast<uint32_t>(size);
    std::memcpy(static_cast<void*>(target), &recorded, sizeof recorded);
  });
}

inline uint32_t struct_size_of(const void* given, const char* what) {
  uint32_t size;
  std::memcpy(&size, given, sizeof size);
  check(size >= 2 * sizeof(uint32_t) && size <= largest_struct, Code::invalid_argument,
        "{} was not initialised: its struct_size is {}", what, size);
  return size;
}

// The caller's options over the defaults: older callers leave new fields at theirs, newer ones may not set
// fields that this build does not have.
template <typename T>
T read_struct(const T* given, const T& defaults, const char* what) {
  T value = defaults;
  if (!given) return value;
  const uint32_t size = struct_size_of(given, what);
  const auto* bytes = reinterpret_cast<const unsigned char*>(given);
  for (size_t i = sizeof(T); i < size; ++i)
    check(bytes[i] == 0, Code::unsupported, "{} has fields that this version of libpeft does not know", what);
  std::memcpy(static_cast<void*>(&value), given, std::min<size_t>(size, sizeof(T)));
  return value;
}

// Checks an output structure before any work is done.
template <typename T>
void check_output(const T* out, const char* what) {
  check(out != nullptr, Code::invalid_argument, "{} is NULL", what);
  struct_size_of(out, what);
}

template <typename T>
void write_struct(T* out, T value) {
  uint32_t size;
  std::memcpy(&size, out, sizeof size);
  value.struct_size = size;
  std::memcpy(static_cast<void*>(out), &value, std::min<size_t>(size, sizeof(T)));
}

template <typename T>
void check_pointer(const T* pointer, const char* what) {
  check(pointer != nullptr, Code::invalid_argument, "{} is NULL", what);
}

// Calls a caller's drop once, when the last of it goes: also when the call that was given it fails early.
class DropLater {
 public:
  DropLater(peft_drop_fn drop, void* user_data) : drop_(drop), user_data_(user_data) {}
  DropLater(DropLater&& other) noexcept
      : drop_(std::exchange(other.drop_, nullptr)), user_data_(other.user_data_) {}
  DropLater& operator=(DropLater&&) = delete;
  ~DropLater() {
    if (drop_) drop_(user_data_);
  }

 private:
  peft_drop_fn drop_;
  void* user_data_;
};

// A setting, name or path: UTF-8, NUL-terminated, not longer than `maximum`.
std::string read_string(const char* text, const char* what, size_t maximum = 65536);
inline std::string read_string_or(const char* text, const char* what, std::string fallback = {}) {
  return text ? read_string(text, what) : std::move(fallback);
}
// Text by pointer and length, UTF-8; NULL only when the length is 0.
std::string_view read_text(const char* text, size_t text_len, int64_t maximum, const char* what = "text");
// Numbers by pointer and count.
std::span<const int32_t> read_ids(const int32_t* data, size_t n, int64_t maximum);
// "a, b,c" to its parts, blanks around them taken off; NULL gives none.
std::vector<std::string> split_list(const char* text, const char* what);

void check_flag(int32_t value, const char* what);
template <typename T>
void check_range(T value, T low, T high, const char* what) {
  check(value >= low && value <= high, Code::invalid_argument, "{} must be between {} and {}, not {}", what,
        low, high, value);
}

// The two-call idiom. Throws Code::limit after writing *len when `cap` is too small.
void deliver_text(std::string_view value, char* buf, size_t cap, size_t* len);
// True when a call with these arguments takes what it is given (and does not only measure).
inline bool takes(const char* buf, size_t cap, const size_t* len) { return buf || cap > 0 || !len; }

template <typename T>
void deliver(std::span<const T> values, T* data, size_t cap, size_t* len) {
  check(data != nullptr || cap == 0, Code::invalid_argument, "data is NULL but cap is {}", cap);
  if (len) *len = values.size();
  if (!data) return;
  check(cap >= values.size(), Code::limit, "the buffer holds {} elements, {} are needed", cap, values.size());
  if (!values.empty()) std::memcpy(data, values.data(), values.size_bytes());
}

// Bytes of the longest beginning of `text` that has at most `most` bytes and ends between code points.
inline size_t whole_code_points(std::string_view text, size_t most) {
  size_t count = std::min(text.size(), most);
  while (count < text.size() && count > 0 && (static_cast<unsigned char>(text[count]) & 0xC0) == 0x80)
    --count;
  return count;
}

// Copies into a fixed field, cut between code points, always with a NUL.
template <size_t size>
void copy_name(char (&field)[size], std::string_view text) {
  const size_t count = whole_code_points(text, size - 1);
  std::memset(field, 0, size);
  std::memcpy(field, text.data(), count);
}

}  // namespace peft::capi
