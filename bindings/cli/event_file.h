// Scalars for TensorBoard: records of its event protocol, written without its library.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace peft_cli {

// <folder>/runs/<time>/events.out.tfevents.<time>.<host>.<process>, as TensorBoard looks for it.
class EventFile {
 public:
  explicit EventFile(const std::string& folder);
  ~EventFile();
  EventFile(const EventFile&) = delete;
  EventFile& operator=(const EventFile&) = delete;
  void scalar(std::string_view tag, double value, int64_t step);

 private:
  void record(const std::string& event);
  std::string path_;
  int descriptor_ = -1;
};

}  // namespace peft_cli
