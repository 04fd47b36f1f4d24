#include "text/pattern.h"

#include "text/bridge.h"

namespace peft {

namespace {
constexpr size_t maximum_pattern_bytes = 1 << 16;
}

Pattern::Pattern(std::string_view pattern) : text_(pattern) {
  check(pattern.size() <= maximum_pattern_bytes, Code::limit, "pattern: expected at most {} bytes, found {}",
        maximum_pattern_bytes, pattern.size());
  textrs_pattern* handle = nullptr;
  BridgeBytes message;
  check_bridge(textrs_pattern_new(bytes_of(pattern), pattern.size(), &handle, message.out()), message);
  handle_ = std::shared_ptr<textrs_pattern>(handle, BridgeDeleter());
}

bool Pattern::full_match(std::string_view name) const {
  int32_t matches = 0;
  BridgeBytes message;
  const auto* handle = static_cast<const textrs_pattern*>(handle_.get());
  check_bridge(textrs_pattern_matches(handle, bytes_of(name), name.size(), &matches, message.out()), message);
  return matches != 0;
}

}  // namespace peft
