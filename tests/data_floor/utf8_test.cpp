#include "data/utf8.h"

#include <gtest/gtest.h>

#include <string>

namespace peft {
namespace {

// A decoder in its plainest form, from the definition of UTF-8 (RFC 3629).
int64_t reference(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    const auto byte = [&](size_t i) -> int {
      return i < text.size() ? static_cast<unsigned char>(text[i]) : -1;
    };
    const int lead = byte(at);
    const int length = lead < 0x80 ? 1 : lead >> 5 == 6 ? 2 : lead >> 4 == 14 ? 3 : lead >> 3 == 30 ? 4 : 0;
    if (length == 0) return static_cast<int64_t>(at);
    uint32_t point =
        length == 1 ? static_cast<uint32_t>(lead) : static_cast<uint32_t>(lead) & (0x7Fu >> length);
    for (int i = 1; i < length; ++i) {
      const int next = byte(at + static_cast<size_t>(i));
      if (next < 0 || next >> 6 != 2) return static_cast<int64_t>(at);
      point = point << 6 | (static_cast<uint32_t>(next) & 0x3F);
    }
    const uint32_t least = length == 1 ? 0 : length == 2 ? 0x80 : length == 3 ? 0x800 : 0x10000;
    if (point < least || point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF))
      return static_cast<int64_t>(at);
    at += static_cast<size_t>(length);
  }
  return -1;
}

TEST(InvalidUtf8, AgreesWithTheDefinitionOnAllShortTexts) {
  for (int a = 0; a < 256; ++a)
    for (int b = 0; b < 256; ++b) {
      for (const char* tail : {"", "\x80", "\xBF\x80", "x"}) {
        std::string text{static_cast<char>(a), static_cast<char>(b)};
        text += tail;
        ASSERT_EQ(invalid_utf8(text), reference(text)) << a << " " << b;
        text.insert(0, "0123456789");
        ASSERT_EQ(invalid_utf8(text), reference(text)) << a << " " << b;
      }
    }
}

TEST(InvalidUtf8, NamesTheFirstBadByte) {
  EXPECT_EQ(invalid_utf8(""), -1);
  EXPECT_EQ(invalid_utf8("안녕 🎉 plain text behind it"), -1);
  EXPECT_EQ(invalid_utf8("0123456789abc\xED\xA0\x80"), 13);
  EXPECT_EQ(invalid_utf8("ok\xF0\x9F\x8E"), 2);
}

}  // namespace
}  // namespace peft
