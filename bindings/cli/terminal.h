// What people see. With --json stdout belongs to the result, and everything here goes to stderr.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace peft_cli {

// Once, before anything is printed.
void set_json_mode(bool json);
bool json_mode();

void say(std::string_view line);   // stdout, or stderr with --json
void warn(std::string_view line);  // stderr

// Text of a result, without a newline of its own: always stdout.
void put(std::string_view text);

// One line that is written over on a terminal; elsewhere plain() lines alone are printed.
class ProgressLine {
 public:
  ProgressLine();
  ~ProgressLine() { clear(); }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  bool live() const { return live_; }
  void show(const std::string& line);   // on a terminal only
  void plain(const std::string& line);  // a line that stays, everywhere
  void clear();

 private:
  bool live_ = false;
  bool shown_ = false;
};

std::string with_commas(int64_t number);    // 1,204
std::string short_count(int64_t number);    // 4.9M
std::string bytes_text(int64_t bytes);      // 3.4 GB, powers of ten
std::string duration_text(double seconds);  // 0:21, 1:02:03
std::string percent_text(double share);     // 96.7 %
// Whole code points of the beginning, in one line, with "..." where it was cut.
std::string one_line(std::string_view text, size_t width);
// Seconds since the process was started by the system.
double process_seconds();
// Where NaN and infinities become "n/a".
std::string number_text(double value, int digits);

}  // namespace peft_cli
