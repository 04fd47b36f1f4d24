// The file of chosen algorithms: what is written is found again; what is not ours, or not whole, is left alone.
#include "cuda/plan_file.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <optional>
#include <span>
#include <sstream>
#include <thread>
#include <vector>

#include "base/file.h"
#include "base/log.h"
#include "support/temporary_folder.h"

namespace peft::cuda {
namespace {

const PlanOwner owner{"NVIDIA H200", 132, 130100};
const ProductKey one{16, 4096, 4096, 14336, 14336, 4096, 4096}, two{0, 64, 128, 256, 256, 128, 128};
const AlgorithmConfig fast{66, 20, 1, 0, 1, 0, 35, 0, 3}, slow{10, 15, 4, 2, 0, 5, 9, 0, 0};

class PlanFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    set_log_level(LogLevel::warning);
    while (poll_log()) {
    }
  }
  void TearDown() override { set_log_level(LogLevel::off); }

  // One warning that contains both.
  void expect_warning(const std::string& what, const std::string& why) {
    const auto record = poll_log();
    ASSERT_TRUE(record.has_value());
    EXPECT_EQ(record->level, LogLevel::warning);
    for (const std::string& text : {what, why, path})
      EXPECT_NE(record->message.find(text), std::string::npos) << record->message;
    EXPECT_FALSE(poll_log().has_value());
  }
  std::string text() const { return read_text_file(path, 4 << 20); }
  void overwrite(const std::string& content) const { std::ofstream(path, std::ios::binary) << content; }
  // A file with both products.
  std::string written() {
    PlanFile file(path, owner);
    file.add(one, fast);
    file.add(two, slow);
    return text();
  }
  // Nothing of it is used, nothing is written over it, and what is found later is kept in memory.
  void expect_left_alone(const std::string& content, const std::string& why) {
    overwrite(content);
    PlanFile file(path, owner);
    EXPECT_FALSE(file.find(one).has_value());
    EXPECT_FALSE(file.find(two).has_value());
    expect_warning("not used", why);
    file.add(one, slow);
    EXPECT_EQ(file.find(one), slow);
    EXPECT_EQ(text(), content);
    EXPECT_FALSE(poll_log().has_value());
  }

  test::TemporaryFolder folder;
  std::string path = folder.path() + "/cache/libpeft/plans.txt";
};

TEST_F(PlanFileTest, WhatIsWrittenIsFoundAgain) {
  written();
  PlanFile file(path, owner);
  EXPECT_EQ(file.find(one), fast);
  EXPECT_EQ(file.find(two), slow);
  EXPECT_FALSE(file.find({1, 2, 3, 4, 5, 6, 7}).has_value());
  EXPECT_FALSE(poll_log().has_value());
}

// Its form is a promise to other versions: three lines, then products in their order.
TEST_F(PlanFileTest, IsPlainText) {
  const std::string all = written();
  std::istringstream lines(all);
  std::vector<std::string> found;
  for (std::string line; std::getline(lines, line);) found.push_back(line);
  ASSERT_EQ(found.size(), 5u);
  EXPECT_EQ(found[0], "libpeft: cuBLASLt's fastest algorithms, format 1");
  EXPECT_EQ(found[1], "NVIDIA H200, 132 multiprocessors, version 130100");
  EXPECT_EQ(found[2].size(), 32u);
  EXPECT_EQ(found[3], "0 64 128 256 256 128 128 : 10 15 4 2 0 5 9 0 0");
  EXPECT_EQ(found[4], "16 4096 4096 14336 14336 4096 4096 : 66 20 1 0 1 0 35 0 3");
}

TEST_F(PlanFileTest, WhatIsThereStays) {
  written();
  PlanFile file(path, owner);
  file.add(one, slow);
  EXPECT_EQ(file.find(one), fast);
  EXPECT_EQ(PlanFile(path, owner).find(one), fast);
}

TEST_F(PlanFileTest, TwoWritersKeepEachOthersLines) {
  PlanFile first(path, owner), second(path, owner);
  EXPECT_FALSE(first.find(one) || second.find(two));  // both have looked
  first.add(one, fast);
  second.add(two, slow);
  PlanFile third(path, owner);
  EXPECT_EQ(third.find(one), fast);
  EXPECT_EQ(third.find(two), slow);
  // One process uses what it chose, even where another was earlier; the file stays whole.
  PlanFile late(path, owner);
  EXPECT_EQ(late.find(two), slow);
}

TEST_F(PlanFileTest, ManyThreadsLeaveAWholeFile) {
  std::vector<std::thread> threads;
  for (int64_t t = 0; t < 4; ++t)
    threads.emplace_back([this, t] {
      PlanFile file(path, owner);
      for (int64_t i = 0; i < 20; ++i) file.add({t, 1 + i, 1, 1, 1, 1, 1}, fast);
    });
  for (std::thread& thread : threads) thread.join();
  PlanFile file(path, owner);
  file.find(one);
  EXPECT_FALSE(poll_log().has_value());
  int found = 0;
  for (int64_t t = 0; t < 4; ++t) found += file.find({t, 20, 1, 1, 1, 1, 1}).has_value();
  EXPECT_GE(found, 1);  // the last to write kept at least its own
}

TEST_F(PlanFileTest, DamageIsSeen) {
  const std::string good = written();
  expect_left_alone("", "has no end");
  expect_left_alone(good.substr(0, good.size() - 1), "checksum");
  expect_left_alone(good.substr(0, 60), "has no end");
  std::string changed = good;
  changed[good.rfind('3')] = '4';
  expect_left_alone(changed, "checksum");
  expect_left_alone("x" + good, "first line");
  expect_left_alone(good + good, "checksum");
  expect_left_alone(std::string(2 << 20, 'x'), "bytes");
}

// Lines that a checksum fits and that say nothing of use.
TEST_F(PlanFileTest, LinesThatSayNothingAreRefused) {
  const std::string good = written();
  const std::string head = good.substr(0, good.find('\n', good.find('\n') + 1) + 1);
  const auto file_of = [&](const std::string& lines) {
    return head + hash_bytes(std::as_bytes(std::span(lines))) + "\n" + lines;
  };
  const std::string line = "0 64 128 256 256 128 128 : 10 15 4 2 0 5 9 0 0\n";
  overwrite(file_of(line));
  EXPECT_EQ(PlanFile(path, owner).find(two), slow);
  for (const char* const wrong :
       {"0 64 128 256 256 128 : 10 15 4 2 0 5 9 0 0\n", "0 64 128 256 256 128 128 : 10 15 4 2 0 5 9 0\n",
        "0 64 128 256 256 128 128 10 15 4 2 0 5 9 0 0\n", "0 64 128 256 256 128 128 : 10 15 4 2 0 5 9 0 0 0\n",
        "0 64 -128 256 256 128 128 : 10 15 4 2 0 5 9 0 0\n",
        "0 64 128 256 256 128 128 : 10 15 4 2 0 5 9 0 4294967296\n",
        "0 64 128 256 256 128 99999999999999999999 : 10 15 4 2 0 5 9 0 0\n",
        "0  64 128 256 256 128 128 : 1 1 1 1 1 1 1 1 1\n"})
    expect_left_alone(file_of(wrong), "expected");
  expect_left_alone(file_of(line + line), "two lines");
}

TEST_F(PlanFileTest, ChoicesOfAnotherGpuOrLibraryAreNotUsed) {
  const std::string good = written();
  for (const PlanOwner& other : {PlanOwner{"NVIDIA A100", 132, 130100}, PlanOwner{"NVIDIA H200", 114, 130100},
                                 PlanOwner{"NVIDIA H200", 132, 130200}}) {
    PlanFile file(path, other);
    EXPECT_FALSE(file.find(one).has_value());
    expect_warning("not used", "NVIDIA H200, 132 multiprocessors, version 130100");
    file.add(two, fast);
    EXPECT_EQ(text(), good);
  }
}

TEST_F(PlanFileTest, AFolderThatCannotBeWrittenToIsNoError) {
  std::ofstream(folder.path() + "/cache") << "a file";
  PlanFile file(path, owner);
  file.add(one, fast);
  expect_warning("not kept", path);
  file.add(two, slow);
  EXPECT_FALSE(poll_log().has_value());  // once
  EXPECT_EQ(file.find(one), fast);
  EXPECT_EQ(file.find(two), slow);
}

TEST_F(PlanFileTest, NoPathKeepsNothing) {
  PlanFile file("", owner);
  file.add(one, fast);
  EXPECT_EQ(file.find(one), fast);
  EXPECT_FALSE(PlanFile("", owner).find(one).has_value());
  EXPECT_FALSE(poll_log().has_value());
}

TEST_F(PlanFileTest, IsShared) {
  const auto first = PlanFile::shared(path, owner);
  EXPECT_EQ(first, PlanFile::shared(path, owner));
  EXPECT_NE(first, PlanFile::shared(path, PlanOwner{"NVIDIA A100", 132, 130100}));
  EXPECT_NE(first, PlanFile::shared(path + "2", owner));
}

TEST_F(PlanFileTest, HasOnePlaceForEachGpuAndLibrary) {
  constexpr const char* names[] = {"LIBPEFT_CUDA_PLANS", "XDG_CACHE_HOME", "HOME"};
  const auto set = [](const char* name, const char* value) { value ? setenv(name, value, 1) : unsetenv(name); };
  std::vector<std::optional<std::string>> before;
  for (const char* const name : names) {
    const char* const value = std::getenv(name);
    before.push_back(value ? std::optional<std::string>(value) : std::nullopt);
  }
  const auto with = [&](const char* plans, const char* cache, const char* home) {
    set(names[0], plans), set(names[1], cache), set(names[2], home);
    return plan_file_path(owner);
  };
  EXPECT_EQ(with("/a/plans", "/c", "/h"), "/a/plans");
  EXPECT_EQ(with("", "/c", "/h"), "");
  EXPECT_EQ(with(nullptr, "/c", "/h"), "/c/libpeft/cuda_plans_NVIDIA_H200_132_130100.txt");
  EXPECT_EQ(with(nullptr, nullptr, "/h"), "/h/.cache/libpeft/cuda_plans_NVIDIA_H200_132_130100.txt");
  EXPECT_EQ(with(nullptr, "relative", "/h"), "/h/.cache/libpeft/cuda_plans_NVIDIA_H200_132_130100.txt");
  EXPECT_EQ(with(nullptr, nullptr, nullptr), "");
  for (size_t i = 0; i < before.size(); ++i) set(names[i], before[i] ? before[i]->c_str() : nullptr);
}

}  // namespace
}  // namespace peft::cuda
