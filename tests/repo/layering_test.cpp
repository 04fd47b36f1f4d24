// The floors of docs/architecture.md, section 1: a folder of lib/ includes itself and lower floors, nothing
// else.
#include <gtest/gtest.h>

#include <map>

#include "repo/files.h"

namespace peft::test {
namespace {

const std::map<std::string, int> floor_of = {
    {"base", 0},     {"tensor", 1}, {"cpu", 2},      {"cuda", 2},     {"meta", 2},
    {"formats", 2},  {"text", 2},   {"autograd", 3}, {"data", 3},     {"devices", 3},
    {"ops", 4},      {"nn", 5},     {"models", 6},   {"adapters", 6}, {"train", 7},
    {"generate", 7}, {"dist", 7},   {"analysis", 7}, {"capi", 8},
};

const std::vector<std::string> code = {".h", ".cpp", ".c", ".cu", ".cuh", ".def", ".inl", "-inl.h"};

TEST(Layering, EveryFolderOfLibHasAFloor) {
  for (const SourceFile& file : source_files("lib", code)) {
    const std::string folder = file.path.substr(4, file.path.find('/', 4) - 4);
    EXPECT_TRUE(floor_of.contains(folder)) << file.path << ": the folder is on no floor";
  }
}

TEST(Layering, IncludesPointDownwards) {
  for (const SourceFile& file : source_files("lib", code)) {
    const std::string folder = file.path.substr(4, file.path.find('/', 4) - 4);
    const auto own = floor_of.find(folder);
    if (own == floor_of.end()) continue;
    for (size_t i = 0; i < file.lines.size(); ++i) {
      std::string name;
      const std::string target = included_folder(file.lines[i], &name);
      if (target.empty()) continue;
      const auto place = place_of(file.path, i);
      if (target == "hwy" || target == "oneapi")
        continue;  // libraries whose own examples quote their headers
      if (target == "peft") {
        EXPECT_EQ(folder, "capi") << place << ": only capi knows the public headers";
        continue;
      }
      const auto floor = floor_of.find(target);
      ASSERT_NE(floor, floor_of.end()) << place << ": \"" << name << "\" is not a path from lib/";
      EXPECT_TRUE(source_exists("lib/" + name)) << place << ": there is no lib/" << name;
      EXPECT_TRUE(target == folder || floor->second < own->second)
          << place << ": " << folder << " (floor " << own->second << ") includes " << name << " (floor "
          << floor->second << ")";
    }
  }
}

// Bindings and examples are clients: of the public headers they see, and of nothing inside.
TEST(Layering, ClientsIncludeThePublicHeadersOnly) {
  for (const char* top : {"bindings", "examples", "include"})
    for (const SourceFile& file : source_files(top, code))
      for (size_t i = 0; i < file.lines.size(); ++i) {
        std::string name;
        const std::string target = included_folder(file.lines[i], &name);
        if (!target.empty() && floor_of.contains(target) && source_exists("lib/" + name))
          ADD_FAILURE() << place_of(file.path, i) << " includes lib/" << name;
      }
}

// The link lists say the same as the includes.
TEST(Layering, TargetsLinkLowerFloors) {
  for (const SourceFile& file : source_files("lib", {"CMakeLists.txt"})) {
    const size_t end = file.path.find('/', 4);
    if (end == std::string::npos) continue;
    const auto own = floor_of.find(file.path.substr(4, end - 4));
    if (own == floor_of.end() || file.path != "lib/" + own->first + "/CMakeLists.txt") continue;
    bool links = false;
    for (size_t i = 0; i < file.lines.size(); ++i)
      for (const std::string& word : words(file.lines[i])) {
        if (word == "LINK" || word == "PRIVATE_LINK") {
          links = true;
        } else if (word == "SOURCES" || word == ")") {
          links = false;
        } else if (const auto floor = floor_of.find(word); links && floor != floor_of.end()) {
          EXPECT_LT(floor->second, own->second) << place_of(file.path, i) << " links " << word;
        }
      }
  }
}

}  // namespace
}  // namespace peft::test
