#include "data/utf8.h"

#include <cstring>

namespace peft {
namespace {

// Bytes of the character that begins with `lead`, and the range of its second byte (The Unicode Standard,
// table 3-7).
struct Lead {
  int length = 0;
  unsigned char low = 0x80, high = 0xBF;
};

Lead lead_of(unsigned char lead) {
  if (lead < 0x80) return {1};
  if (lead >= 0xC2 && lead <= 0xDF) return {2};
  if (lead == 0xE0) return {3, 0xA0, 0xBF};
  if (lead == 0xED) return {3, 0x80, 0x9F};
  if (lead >= 0xE1 && lead <= 0xEF) return {3};
  if (lead == 0xF0) return {4, 0x90, 0xBF};
  if (lead >= 0xF1 && lead <= 0xF3) return {4};
  if (lead == 0xF4) return {4, 0x80, 0x8F};
  return {};
}

bool eight_are_ascii(const char* at) {
  uint64_t word;
  std::memcpy(&word, at, sizeof word);
  return (word & 0x8080808080808080u) == 0;
}

}  // namespace

int64_t invalid_utf8(std::string_view text) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  for (size_t at = 0; at < text.size();) {
    if (text.size() - at >= 8 && eight_are_ascii(text.data() + at)) {
      at += 8;
      continue;
    }
    const Lead lead = lead_of(bytes[at]);
    const auto length = static_cast<size_t>(lead.length);
    bool good = length > 0 && length <= text.size() - at;
    if (good && length > 1) good = bytes[at + 1] >= lead.low && bytes[at + 1] <= lead.high;
    for (size_t i = 2; good && i < length; ++i) good = (bytes[at + i] & 0xC0) == 0x80;
    if (!good) return static_cast<int64_t>(at);
    at += length;
  }
  return -1;
}

}  // namespace peft
