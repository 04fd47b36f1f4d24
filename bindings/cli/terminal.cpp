#include "terminal.h"

#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <fstream>
#include <sstream>

#include <fmt/format.h>

namespace peft_cli {
namespace {

bool json_on_stdout = false;

FILE* people() { return json_on_stdout ? stderr : stdout; }

size_t columns_of(FILE* stream) {
  winsize size{};
  if (ioctl(fileno(stream), TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 100;
  return size.ws_col;
}

bool begins_code_point(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) != 0x80; }

}  // namespace

void set_json_mode(bool json) { json_on_stdout = json; }
bool json_mode() { return json_on_stdout; }

void say(std::string_view line) {
  fmt::print(people(), "{}\n", line);
  std::fflush(people());
}

void warn(std::string_view line) {
  std::fflush(stdout);
  fmt::print(stderr, "peft: {}\n", line);
}

void put(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

ProgressLine::ProgressLine() : live_(isatty(fileno(people())) != 0) {}

void ProgressLine::show(const std::string& line) {
  if (!live_) return;
  // A line that wraps could not be written over.
  fmt::print(people(), "\r\033[K{}", one_line(line, columns_of(people()) - 1));
  std::fflush(people());
  shown_ = true;
}

void ProgressLine::plain(const std::string& line) {
  clear();
  say(line);
}

void ProgressLine::clear() {
  if (!shown_) return;
  fmt::print(people(), "\r\033[K");
  std::fflush(people());
  shown_ = false;
}

std::string with_commas(int64_t number) {
  std::string digits = std::to_string(number < 0 ? -number : number);
  for (int64_t at = static_cast<int64_t>(digits.size()) - 3; at > 0; at -= 3)
    digits.insert(static_cast<size_t>(at), ",");
  return number < 0 ? "-" + digits : digits;
}

std::string short_count(int64_t number) {
  const auto value = static_cast<double>(number);
  if (number >= 1'000'000'000) return fmt::format("{:.2f}B", value / 1e9);
  if (number >= 1'000'000) return fmt::format("{:.1f}M", value / 1e6);
  if (number >= 10'000) return fmt::format("{:.1f}k", value / 1e3);
  return with_commas(number);
}

std::string bytes_text(int64_t bytes) {
  const auto value = static_cast<double>(bytes);
  if (bytes >= 1'000'000'000) return fmt::format("{:.2f} GB", value / 1e9);
  if (bytes >= 1'000'000) return fmt::format("{:.1f} MB", value / 1e6);
  if (bytes >= 1'000) return fmt::format("{:.1f} kB", value / 1e3);
  return fmt::format("{} B", bytes);
}

std::string duration_text(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0) return "?";
  const auto whole = static_cast<int64_t>(seconds + 0.5);
  if (whole >= 3600) return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

std::string percent_text(double share) { return fmt::format("{:.1f} %", 100 * share); }

std::string one_line(std::string_view text, size_t width) {
  std::string line;
  size_t shown = 0;
  for (size_t at = 0; at < text.size(); ++at) {
    if (begins_code_point(text[at]) && ++shown > width) {
      // Three places for the dots.
      for (size_t dropped = 0; dropped < 3 && !line.empty();) {
        dropped += begins_code_point(line.back()) ? 1 : 0;
        line.pop_back();
      }
      return line + "...";
    }
    const bool control = static_cast<unsigned char>(text[at]) < 0x20 || text[at] == 0x7F;
    line += control ? ' ' : text[at];
  }
  return line;
}

double process_seconds() {
  // Field 22 of /proc/self/stat is the start in clock ticks since boot; the name before it may hold blanks.
  std::ifstream file("/proc/self/stat");
  std::string text;
  std::getline(file, text);
  const size_t end = text.rfind(')');
  if (end == std::string::npos) return 0;
  std::istringstream fields(text.substr(end + 1));
  std::string field;
  for (int i = 3; i <= 22; ++i) fields >> field;
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  const double started = std::strtod(field.c_str(), nullptr) / static_cast<double>(sysconf(_SC_CLK_TCK));
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec) - started;
}

std::string number_text(double value, int digits) {
  return std::isfinite(value) ? fmt::format("{:.{}f}", value, digits) : "n/a";
}

}  // namespace peft_cli
