#include "generate/stop_text.h"

#include <gtest/gtest.h>

#include <random>

namespace peft {
namespace {

// Every way of cutting a text gives the text before the earliest stop string.
TEST(StopText, finds_stops_across_pieces) {
  std::mt19937 generator(1);
  const std::vector<std::string> stops = {"aba", "bb", "cab"};
  for (int round = 0; round < 5000; ++round) {
    std::string text;
    for (int i = 0; i < 12; ++i) text += static_cast<char>('a' + generator() % 3);
    size_t expected = std::string::npos;
    // What ends first counts: a piece at a time, the stream cannot know of a longer one that began earlier.
    for (const std::string& stop : stops) expected = std::min(expected, text.find(stop));
    StopText filter(stops);
    std::string out;
    for (size_t at = 0; at < text.size();) {
      const size_t length = 1 + generator() % 4;
      out += filter.push(std::string_view(text).substr(at, length));
      at += length;
    }
    if (!filter.stopped()) out += filter.flush();
    EXPECT_EQ(filter.stopped(), expected != std::string::npos);
    EXPECT_EQ(out, text.substr(0, expected)) << text;
  }
}

TEST(StopText, gives_out_what_cannot_become_a_stop) {
  StopText filter({"</end>"});
  EXPECT_EQ(filter.push("one <"), "one ");
  EXPECT_EQ(filter.push("/e"), "");
  EXPECT_EQ(filter.push("x two </"), "</ex two ");
  EXPECT_EQ(filter.push("end> three"), "");
  EXPECT_TRUE(filter.stopped());
  EXPECT_EQ(filter.push("four"), "");
}

TEST(StopText, without_stops_holds_nothing) {
  StopText filter;
  EXPECT_EQ(filter.push("abc"), "abc");
  EXPECT_EQ(filter.flush(), "");
}

}  // namespace
}  // namespace peft
