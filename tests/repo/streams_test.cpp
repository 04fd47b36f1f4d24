#include <gtest/gtest.h>

#include <regex>

#include "repo/files.h"

namespace peft::test {
namespace {

// Launches wait in a queue (lib/cuda/launch_queue.h); whatever else is given a stream would overtake them.
TEST(Streams, AreOrderedForAllButLaunches) {
  const std::regex call(
      R"(\b(cuda(Memcpy\w*|Memset\w*|StreamSynchronize|StreamWaitEvent|LaunchHostFunc|EventRecord))"
      R"(|cudnnSetStream|matmul)\()");
  const std::regex stream(R"(\bstream(_|\(\))?\s*[,)])");
  int ordered = 0;
  for (const SourceFile& file : source_files("lib/cuda", {".h", ".cuh", ".cpp", ".cu"}))
    for (size_t i = 0; i < file.lines.size(); ++i) {
      if (!std::regex_search(file.lines[i], call)) continue;
      std::string statement;
      for (size_t j = i; j < file.lines.size(); ++j) {
        statement += file.lines[j] + " ";
        if (file.lines[j].find(';') != std::string::npos) break;
      }
      if (statement.find("ordered(") != std::string::npos) {
        ++ordered;
        continue;
      }
      EXPECT_FALSE(std::regex_search(statement, stream))
          << place_of(file.path, i) << ": expected ordered(stream), found " << statement;
    }
  EXPECT_GT(ordered, 3);
}

}  // namespace
}  // namespace peft::test
