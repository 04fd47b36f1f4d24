#include "generate/stop_text.h"

#include <algorithm>
#include <utility>

namespace peft {

std::string StopText::push(std::string_view text) {
  if (stopped_) return {};
  held_ += text;
  if (stops_.empty()) return std::exchange(held_, {});
  // The earliest stop string wins.
  size_t found = std::string::npos;
  for (const std::string& stop : stops_) found = std::min(found, held_.find(stop));
  if (found != std::string::npos) {
    stopped_ = true;
    std::string before = held_.substr(0, found);
    held_.clear();
    return before;
  }
  // The longest end that begins a stop string stays.
  size_t keep = 0;
  for (const std::string& stop : stops_)
    for (size_t length = std::min(stop.size() - 1, held_.size()); length > keep; --length)
      if (std::string_view(held_).substr(held_.size() - length) == std::string_view(stop).substr(0, length))
        keep = length;
  std::string free = held_.substr(0, held_.size() - keep);
  held_.erase(0, held_.size() - keep);
  return free;
}

std::string StopText::flush() { return std::exchange(held_, {}); }

}  // namespace peft
