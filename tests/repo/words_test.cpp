// Text that has no place in a finished file.
#include <gtest/gtest.h>

#include "repo/files.h"

namespace peft::test {
namespace {

constexpr const char* tops[] = {"lib", "include", "bindings", "examples", "tests"};
const std::vector<std::string> code = {".h",   ".hpp", ".cpp", ".c",  ".cu",   ".cuh",
                                       ".def", ".rs",  ".py",  ".sh", ".cmake"};

TEST(Words, NothingIsLeftForLater) {
  // Written in two halves, so that this file does not find itself.
  const std::vector<std::string> words_for_later = {
      "TO"
      "DO",
      "FIX"
      "ME",
      "XX"
      "X:",
      "not "
      "implemented"};
  for (const char* top : tops)
    for (const SourceFile& file : source_files(top, code))
      for (size_t i = 0; i < file.lines.size(); ++i)
        for (const std::string& word : words_for_later)
          EXPECT_EQ(file.lines[i].find(word), std::string::npos) << place_of(file.path, i) << ": " << word;
}

TEST(Words, FilesAreCleanText) {
  for (const char* top : tops)
    for (const SourceFile& file : source_files(top, code))
      for (size_t i = 0; i < file.lines.size(); ++i) {
        const std::string& line = file.lines[i];
        EXPECT_EQ(line.find('\r'), std::string::npos) << place_of(file.path, i) << ": carriage return";
        EXPECT_FALSE(line.ends_with(' ')) << place_of(file.path, i) << ": space at the end";
        EXPECT_EQ(line.find('\t'), std::string::npos) << place_of(file.path, i) << ": tab";
      }
}

}  // namespace
}  // namespace peft::test
