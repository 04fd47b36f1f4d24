#include <gtest/gtest.h>

#include "repo/files.h"

namespace peft::test {
namespace {

TEST(Headers, AreIncludedOnce) {
  for (const SourceFile& file : source_files("lib", {".h", ".cuh"})) {
    // A file that Highway includes once for each instruction set guards itself with a toggle instead.
    bool once = false;
    for (const std::string& line : file.lines)
      once |= line == "#pragma once" || line.find("HWY_TARGET_TOGGLE") != line.npos;
    EXPECT_TRUE(once) << file.path << ": no \"#pragma once\"";
  }
}

// A host program is never ended and never printed over by the library.
TEST(Headers, NoCallEndsTheProcessOrPrints) {
  const std::vector<std::string> forbidden = {"abort(",          "exit(",      "printf(", "puts(",
                                              "std::cout",       "std::cerr",  "perror(", "fputs(",
                                              "std::terminate(", "quick_exit("};
  for (const SourceFile& file : source_files("lib", {".h", ".cpp", ".c", ".cu", ".cuh"}))
    for (size_t i = 0; i < file.lines.size(); ++i) {
      const std::string code = file.lines[i].substr(0, file.lines[i].find("//"));
      for (const std::string& word : forbidden)
        for (size_t at = code.find(word); at != code.npos; at = code.find(word, at + 1)) {
          // "snprintf(" and "at_exit(" are other words.
          const bool own_word =
              at == 0 || !(std::isalnum(static_cast<unsigned char>(code[at - 1])) || code[at - 1] == '_');
          EXPECT_FALSE(own_word) << place_of(file.path, i) << ": " << word;
        }
    }
}

}  // namespace
}  // namespace peft::test
