// Files stay small: who opens one reads it whole. The budget of docs/architecture.md, section 1.
#include <gtest/gtest.h>

#include <algorithm>

#include "repo/files.h"

namespace peft::test {
namespace {

TEST(FileSize, NoneOver600LinesAndNineOfTenUnder350) {
  std::vector<std::pair<size_t, std::string>> sizes;
  for (const char* top : {"lib", "include", "bindings", "examples", "tests"})
    for (const SourceFile& file : source_files(top, {".h", ".hpp", ".cpp", ".c", ".cu", ".cuh", ".def", ".rs",
                                                     ".py", ".sh", ".cmake", "CMakeLists.txt"}))
      sizes.emplace_back(file.lines.size(), file.path);
  ASSERT_FALSE(sizes.empty());
  std::sort(sizes.begin(), sizes.end());
  for (const auto& [lines, path] : sizes) EXPECT_LE(lines, 600u) << path;
  const auto& [lines, path] = sizes[(sizes.size() - 1) * 9 / 10];
  EXPECT_LT(lines, 350u) << "one of ten files is at least as long as " << path;
}

}  // namespace
}  // namespace peft::test
