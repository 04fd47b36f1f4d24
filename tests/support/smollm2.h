// Where the real SmolLM2-135M-Instruct lies, and how a test without it says so.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "base/file.h"

namespace peft::test {

// What PEFT_SMOLLM2_GGUF names, else where examples/get_model.sh puts it; empty where there is no such file.
inline std::string smollm2_file() {
  std::string path;
  if (const char* given = std::getenv("PEFT_SMOLLM2_GGUF"); given && *given) {
    path = given;
  } else {
    const char* cache = std::getenv("XDG_CACHE_HOME");
    const char* home = std::getenv("HOME");
    path = join_path(cache && *cache ? cache : join_path(home ? home : "", ".cache"),
                     "libpeft/SmolLM2-135M-Instruct.Q4_1.gguf");
  }
  return path_exists(path) ? path : std::string();
}

inline constexpr const char* smollm2_name =
    "SmolLM2 model: set PEFT_SMOLLM2_GGUF to SmolLM2-135M-Instruct.Q4_1.gguf, or run examples/get_model.sh";

// tests/run.sh gathers lines that begin so and shows them after its figures.
#define PEFT_SKIP_WITHOUT(path, what) \
  if ((path).empty()) GTEST_SKIP() << "SKIPPED: no " << (what)

}  // namespace peft::test
