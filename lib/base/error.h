// The one exception type of the library, and the checks that throw it.
//
// A message names what was expected and what was found, in lower case and without a full stop:
//   "model.safetensors: tensor 'wte.weight': expected shape [50257, 768], found [50257, 512]"
#pragma once

#include <fmt/core.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>

namespace peft {

// Mirrors peft_status of include/peft/base.h; lib/capi asserts that the numbers agree.
enum class Code : int32_t {
  ok = 0,
  invalid_argument = -1,  // the caller's value is wrong
  bad_handle = -2,        // NULL, freed, foreign or wrong-typed handle
  busy = -3,              // another thread or holder uses the object
  out_of_memory = -4,
  io = -5,           // the operating system refused
  format = -6,       // a file or text is malformed
  unsupported = -7,  // well formed, but this build cannot do it
  not_found = -8,
  mismatch = -9,    // two things that must fit do not (file and model, adapter and model)
  limit = -10,      // a configured limit would be exceeded
  cancelled = -11,  // the cancel token was signalled
  callback = -12,   // a caller's callback reported failure
  numeric = -13,    // a non-finite value where a finite one is needed
  device = -14,     // the device is absent or failed
  device_lost = -15,
  refused = -16,    // it would do harm and was not forced (a merge that loses the update)
  reentrant = -17,  // called from inside a callback of the same object
  forked = -18,     // used in a child process after fork
  state = -19,      // legal call, wrong moment
  internal = -20,   // a bug of the library
};

class Error : public std::runtime_error {
 public:
  Error(Code code, const std::string& message) : std::runtime_error(message), code_(code) {}
  Code code() const noexcept { return code_; }

 private:
  Code code_;
};

[[noreturn]] void raise_formatted(Code code, fmt::string_view format, fmt::format_args args);

// Throws Error(code, formatted message).
template <typename... Args>
[[noreturn]] void fail(Code code, fmt::format_string<Args...> format, Args&&... args) {
  raise_formatted(code, format, fmt::make_format_args(args...));
}

// Throws unless `condition` holds. For users' mistakes and hostile files; see PEFT_ASSERT for our own.
template <typename... Args>
void check(bool condition, Code code, fmt::format_string<Args...> format, Args&&... args) {
  if (!condition) [[unlikely]]
    raise_formatted(code, format, fmt::make_format_args(args...));
}

// Runs `body`; an Error thrown inside gets "prefix: " put before its message. For naming the file around a parse.
template <typename Body>
auto with_context(const std::string& prefix, Body&& body) -> decltype(body()) {
  try {
    return body();
  } catch (const Error& error) {
    throw Error(error.code(), prefix + ": " + error.what());
  }
}

[[noreturn]] void assertion_failed(const char* expression, const char* file, int line);

// An invariant of ours. Always on, throws Code::internal: a host program is never aborted.
#define PEFT_ASSERT(expression) \
  do { \
    if (!(expression)) [[unlikely]] \
      ::peft::assertion_failed(#expression, __FILE_NAME__, __LINE__); \
  } while (0)

#ifndef __FILE_NAME__
#define __FILE_NAME__ __FILE__
#endif

}  // namespace peft
