#include "base/log.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace peft {
namespace {

class Log : public testing::Test {
 protected:
  void SetUp() override { drain(); }
  void TearDown() override {
    set_log_level(LogLevel::warning);
    drain();
  }
  static int drain() {
    int count = 0;
    while (poll_log()) ++count;
    return count;
  }
};

TEST_F(Log, KeepsRecordsInOrderUpToTheLevel) {
  set_log_level(LogLevel::info);
  log(LogLevel::info, "first {}", 1);
  log(LogLevel::debug, "not kept");
  log(LogLevel::error, "second");
  const auto first = poll_log(), second = poll_log();
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->message, "first 1");
  EXPECT_EQ(first->level, LogLevel::info);
  EXPECT_EQ(second->message, "second");
  EXPECT_FALSE(poll_log());
  set_log_level(LogLevel::off);
  log(LogLevel::error, "silent");
  EXPECT_FALSE(poll_log());
}

TEST_F(Log, DropsTheOldestBeyondItsCapacityAndCountsThem) {
  const int64_t before = dropped_log_records();
  for (int i = 0; i < 1030; ++i) log(LogLevel::error, "{}", i);
  EXPECT_EQ(dropped_log_records() - before, 6);
  EXPECT_EQ(poll_log()->message, "6");
  EXPECT_EQ(drain(), 1023);
}

TEST_F(Log, TakesRecordsFromManyThreads) {
  const int64_t before = dropped_log_records();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([] {
      for (int i = 0; i < 500; ++i) log(LogLevel::warning, "{}", i);
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(drain() + dropped_log_records() - before, 2000);
}

TEST_F(Log, SinkTakesThePlaceOfTheQueue) {
  std::vector<std::string> seen;
  set_log_sink([&](const LogRecord& record) {
    seen.push_back(record.message);
    set_log_level(log_level());  // the library may be called from inside
    if (record.message == "bad") throw 1;
  });
  log(LogLevel::error, "good");
  EXPECT_NO_THROW(log(LogLevel::error, "bad"));
  EXPECT_FALSE(poll_log());
  set_log_sink({});
  log(LogLevel::error, "queued");
  EXPECT_EQ(seen, (std::vector<std::string>{"good", "bad"}));
  EXPECT_EQ(poll_log()->message, "queued");
}

}  // namespace
}  // namespace peft
