// Patterns of `target_modules`: matched in time linear in the name, without look-around or back references.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace peft {

// Immutable; safe for concurrent use.
class Pattern {
 public:
  // Code::unsupported names the pattern and the syntax that is not supported; Code::limit when it is too
  // large.
  explicit Pattern(std::string_view pattern);

  // As Python's re.fullmatch: the whole of `name` must match.
  bool full_match(std::string_view name) const;
  const std::string& text() const { return text_; }

 private:
  std::string text_;
  std::shared_ptr<const void> handle_;
};

}  // namespace peft
