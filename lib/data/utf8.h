// Whether bytes are UTF-8.
#pragma once

#include <cstdint>
#include <string_view>

namespace peft {

// Offset of the first byte of `text` that begins no well-formed character (overlong forms, surrogates and
// what lies beyond U+10FFFF included), or -1.
int64_t invalid_utf8(std::string_view text);

}  // namespace peft
