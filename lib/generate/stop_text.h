// Stop strings in a stream of text: holds back what may still become one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace peft {

class StopText {
 public:
  explicit StopText(std::vector<std::string> stops = {}) : stops_(std::move(stops)) {}

  // Takes `text` and gives out what can be no part of a stop string any more. After a stop string nothing
  // comes.
  std::string push(std::string_view text);
  std::string flush();  // what is held back, when the stream ends otherwise
  bool stopped() const { return stopped_; }
  bool empty() const { return stops_.empty(); }

 private:
  std::vector<std::string> stops_;
  std::string held_;
  bool stopped_ = false;
};

}  // namespace peft
