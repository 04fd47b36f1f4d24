#include "base/error.h"

#include <fmt/format.h>

namespace peft {

void raise_formatted(Code code, fmt::string_view format, fmt::format_args args) {
  throw Error(code, fmt::vformat(format, args));
}

void assertion_failed(const char* expression, const char* file, int line) {
  throw Error(Code::internal, fmt::format("{}:{}: assertion failed: {}", file, line, expression));
}

}  // namespace peft
