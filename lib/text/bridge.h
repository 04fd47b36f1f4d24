// Owners for what the Rust library hands out, and its statuses as Errors. Private to lib/text.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "text/rust_bridge.h"

namespace peft {

inline const uint8_t* bytes_of(std::string_view text) {
  return reinterpret_cast<const uint8_t*>(text.data());
}

// A textrs_bytes that frees itself.
class BridgeBytes {
 public:
  BridgeBytes() = default;
  BridgeBytes(const BridgeBytes&) = delete;
  BridgeBytes& operator=(const BridgeBytes&) = delete;
  ~BridgeBytes() {
    if (bytes_.data) textrs_free_bytes(bytes_);
  }
  textrs_bytes* out() { return &bytes_; }
  std::string string() const { return {reinterpret_cast<const char*>(bytes_.data), bytes_.size}; }

 private:
  textrs_bytes bytes_{};
};

class BridgeIds {
 public:
  BridgeIds() = default;
  BridgeIds(const BridgeIds&) = delete;
  BridgeIds& operator=(const BridgeIds&) = delete;
  ~BridgeIds() {
    if (ids_.data) textrs_free_ids(ids_);
  }
  textrs_ids* out() { return &ids_; }
  std::vector<int32_t> vector() const { return {ids_.data, ids_.data + ids_.size}; }
  const int32_t* data() const { return ids_.data; }
  size_t size() const { return ids_.size; }

 private:
  textrs_ids ids_{};
};

// Throws unless `status` is 0.
inline void check_bridge(int32_t status, const BridgeBytes& message) {
  if (status == 0) [[likely]]
    return;
  const std::string text = message.string();
  throw Error(static_cast<Code>(status), text.empty() ? "out of memory" : text);
}

struct BridgeDeleter {
  void operator()(textrs_tokenizer* handle) const { textrs_tokenizer_free(handle); }
  void operator()(textrs_stream* handle) const { textrs_stream_free(handle); }
  void operator()(textrs_template* handle) const { textrs_template_free(handle); }
  void operator()(textrs_pattern* handle) const { textrs_pattern_free(handle); }
};

template <typename Handle>
using BridgeHandle = std::unique_ptr<Handle, BridgeDeleter>;

}  // namespace peft
