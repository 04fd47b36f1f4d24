// What a fuzz target needs: the rule of what counts as a bug, and files to hand to functions that take paths.
//
// A target is one file, NAME_fuzz.cpp, that defines LLVMFuzzerTestOneInput; its seeds lie in corpus/NAME. Its
// first line names what it links: "// fuzz-links: formats".
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace peft::fuzz {

// Runs `body`. An Error is a right answer to a bad input; Code::internal, another exception or a crash is a
// bug.
template <typename Body>
int accept_errors(Body&& body) {
  try {
    body();
  } catch (const Error& error) {
    if (error.code() == Code::internal) {
      std::fprintf(stderr, "internal error: %s\n", error.what());
      std::abort();
    }
  }
  return 0;
}

// A property that must hold for every input.
inline void require(bool condition, const char* what) {
  if (!condition) {
    std::fprintf(stderr, "property violated: %s\n", what);
    std::abort();
  }
}

inline std::string_view text_of(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// A folder of this process, in memory where the system has such a place, removed at exit.
const std::string& scratch_folder();
// Writes `bytes` to `name` in the scratch folder and returns the path.
std::string scratch_file(const std::string& name, std::string_view bytes);

}  // namespace peft::fuzz
