// Sequential reading of the head of a GGUF file through a small buffer; every step is checked against the
// file's end.
#pragma once

#include <algorithm>
#include <cstring>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "base/error.h"
#include "base/file.h"

namespace peft {

class GgufCursor {
 public:
  explicit GgufCursor(const InputFile& file) : file_(file) {}

  int64_t position() const { return position_; }
  int64_t remaining() const { return file_.size() - position_; }

  template <typename T>
  T scalar(const char* what) {
    static_assert(std::is_arithmetic_v<T>);
    T value;
    bytes(std::as_writable_bytes(std::span(&value, 1)), what);
    return value;
  }

  // A length of 64 bits, then that many bytes. The length is compared with the file before anything is
  // allocated.
  std::string string(const char* what, int64_t maximum_bytes) {
    const auto length = scalar<uint64_t>(what);
    check(length <= static_cast<uint64_t>(remaining()), Code::format,
          "{}: {} of {} bytes runs past the end of the file", file_.path(), what, length);
    check(length <= static_cast<uint64_t>(maximum_bytes), Code::limit,
          "{}: {} of {} bytes exceeds the limit of {}", file_.path(), what, length, maximum_bytes);
    std::string text(length, '\0');
    bytes(std::as_writable_bytes(std::span(text)), what);
    return text;
  }

  void bytes(std::span<std::byte> out, const char* what) {
    check(static_cast<int64_t>(out.size()) <= remaining(), Code::format, "{}: truncated in {} at byte {}",
          file_.path(), what, position_);
    while (!out.empty()) {
      if (used_ == filled_) refill();
      const size_t count = std::min(out.size(), filled_ - used_);
      std::memcpy(out.data(), buffer_.data() + used_, count);
      used_ += count;
      position_ += static_cast<int64_t>(count);
      out = out.subspan(count);
    }
  }

 private:
  void refill() {
    buffer_.resize(256 << 10);
    filled_ = static_cast<size_t>(std::min<int64_t>(static_cast<int64_t>(buffer_.size()), remaining()));
    used_ = 0;
    file_.read_at(position_, std::span(buffer_).first(filled_));
  }

  const InputFile& file_;
  int64_t position_ = 0;
  std::vector<std::byte> buffer_;
  size_t used_ = 0, filled_ = 0;
};

}  // namespace peft
