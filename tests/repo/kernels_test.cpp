#include <gtest/gtest.h>

#include <regex>

#include "repo/files.h"

namespace peft::test {
namespace {

TEST(Kernels, EachIsCalledByATest) {
  const auto lists = source_files("lib/tensor", {"kernels.def"});
  ASSERT_EQ(lists.size(), 1u);
  const auto tests = source_files("tests", {"_test.cpp", "_test.cu"});
  const std::regex row(R"(^KERNEL\(\s*(\w+)\s*,)");
  int kernels = 0;
  for (const std::string& line : lists[0].lines) {
    std::smatch match;
    if (!std::regex_search(line, match, row)) continue;
    ++kernels;
    const std::string name = match[1];
    // A call through a backend: "cpu.rms_norm(" or "backend->rms_norm(".
    bool called = false;
    for (const SourceFile& file : tests)
      for (const std::string& text : file.lines)
        for (const char* before : {".", "->", "&Backend::"})
          called |=
              text.find(before + name + "(") != text.npos || text.find(before + name + ")") != text.npos;
    EXPECT_TRUE(called) << "no test below tests/ calls the kernel " << name;
  }
  EXPECT_GT(kernels, 0);
}

}  // namespace
}  // namespace peft::test
