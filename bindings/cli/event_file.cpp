#include "event_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <ctime>

#include <fmt/format.h>

#include "api.h"
#include "files.h"

namespace peft_cli {
namespace {

// CRC-32C (Castagnoli), reflected.
constexpr std::array<uint32_t, 256> make_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) ? 0x82F63B78u : 0u);
    table[i] = value;
  }
  return table;
}

uint32_t crc32c(std::string_view bytes) {
  static constexpr std::array<uint32_t, 256> table = make_table();
  uint32_t value = ~0u;
  for (const char byte : bytes)
    value = (value >> 8) ^ table[(value ^ static_cast<unsigned char>(byte)) & 0xFF];
  return ~value;
}

// TFRecord rotates and shifts its checksums, so that checksums of checksums stay useful.
uint32_t masked_crc(std::string_view bytes) { return std::rotr(crc32c(bytes), 15) + 0xA282EAD8u; }

template <typename T>
std::string little_endian(T value) {
  std::string bytes(sizeof value, '\0');
  std::memcpy(bytes.data(), &value, sizeof value);  // x86-64 is little-endian
  return bytes;
}

std::string varint(uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(value | 0x80);
  return bytes + static_cast<char>(value);
}

// Protocol buffer fields: key (number << 3 | wire type), value.
std::string fixed64_field(char number, double value) {
  return static_cast<char>(number << 3 | 1) + little_endian(value);
}
std::string fixed32_field(char number, float value) {
  return static_cast<char>(number << 3 | 5) + little_endian(value);
}
std::string varint_field(char number, int64_t value) {
  return static_cast<char>(number << 3) + varint(static_cast<uint64_t>(value));
}
std::string bytes_field(char number, std::string_view value) {
  return static_cast<char>(number << 3 | 2) + varint(value.size()) + std::string(value);
}

double wall_time() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace

EventFile::EventFile(const std::string& folder) {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  char stamp[32];
  std::strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", &local);
  char host[256] = "localhost";
  gethostname(host, sizeof host - 1);
  const std::string runs = join(join(folder, "runs"), stamp);
  make_folder(runs);
  path_ = join(runs, fmt::format("events.out.tfevents.{}.{}.{}", static_cast<int64_t>(now), host, getpid()));
  descriptor_ = open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  record(fixed64_field(1, wall_time()) + bytes_field(3, "brain.Event:2"));
}

EventFile::~EventFile() {
  if (descriptor_ >= 0) close(descriptor_);
}

void EventFile::scalar(std::string_view tag, double value, int64_t step) {
  const std::string summary_value = bytes_field(1, tag) + fixed32_field(2, static_cast<float>(value));
  record(fixed64_field(1, wall_time()) + varint_field(2, step) +
         bytes_field(5, bytes_field(1, summary_value)));
}

void EventFile::record(const std::string& event) {
  const std::string length = little_endian(static_cast<uint64_t>(event.size()));
  const std::string text =
      length + little_endian(masked_crc(length)) + event + little_endian(masked_crc(event));
  if (descriptor_ < 0 || write(descriptor_, text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    throw CommandError(fmt::format("{}: cannot be written: {}", path_, std::strerror(errno)));
}

}  // namespace peft_cli
