#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <vector>

#include "support/expect_error.h"
#include "support/host_memory.h"
#include "tensor/storage.h"

namespace peft {
namespace {

constexpr int64_t megabyte = 1 << 20;

struct Pool {
  explicit Pool(int64_t limit = 0)
      : source(std::make_shared<CountingMemory>()), pool(MemoryPool::create(source, limit)) {}
  std::shared_ptr<CountingMemory> source;
  std::shared_ptr<MemoryPool> pool;
};

TEST(MemoryPool, ReusesBuffersWithoutCallingTheSource) {
  Pool p;
  for (int step = 0; step < 10; ++step) {
    std::vector<std::shared_ptr<Storage>> step_buffers;
    for (const int64_t bytes : {int64_t{100}, int64_t{5000}, 3 * megabyte, int64_t{64}, 20 * megabyte})
      step_buffers.push_back(p.pool->allocate(bytes));
    if (step == 0) p.source->calls = 0;
  }
  EXPECT_EQ(p.source->calls, 0);
  EXPECT_EQ(p.pool->statistics().used, 0);
}

TEST(MemoryPool, SplitsAndCoalesces) {
  Pool p;
  std::vector<std::shared_ptr<Storage>> parts;
  for (int i = 0; i < 16; ++i) parts.push_back(p.pool->allocate(megabyte));
  EXPECT_EQ(p.source->calls, 1);
  // freed in an order that needs merging on both sides
  for (const int i : {1, 3, 5, 0, 2, 4, 15, 13, 14, 7, 9, 11, 6, 8, 10, 12})
    parts[static_cast<size_t>(i)].reset();
  const auto whole = p.pool->allocate(16 * megabyte);
  EXPECT_EQ(p.source->calls, 1);
  EXPECT_EQ(p.pool->statistics().held, 16 * megabyte);
}

TEST(MemoryPool, TakesTheSmallestBlockThatFits) {
  Pool p;
  auto a = p.pool->allocate(megabyte), keep_a = p.pool->allocate(64);
  auto b = p.pool->allocate(2 * megabyte), keep_b = p.pool->allocate(64);
  std::byte* const small = a->data();
  std::byte* const large = b->data();
  a.reset();
  b.reset();
  EXPECT_EQ(p.pool->allocate(megabyte - 100)->data(), small);
  EXPECT_EQ(p.pool->allocate(megabyte + 100)->data(), large);
}

TEST(MemoryPool, CountsUsedAndHeld) {
  Pool p;
  auto a = p.pool->allocate(100);
  EXPECT_EQ(p.pool->statistics().used, 128);
  EXPECT_EQ(a->bytes(), 100);
  auto b = p.pool->allocate(0);
  EXPECT_NE(b->data(), nullptr);
  EXPECT_EQ(p.pool->statistics().used, 192);
  a.reset();
  EXPECT_EQ(p.pool->statistics().used, 64);
  EXPECT_EQ(p.pool->statistics().peak_used, 192);
  p.pool->reset_peak();
  EXPECT_EQ(p.pool->statistics().peak_used, 64);
  EXPECT_EQ(p.pool->statistics().peak_held, 16 * megabyte);
}

TEST(MemoryPool, GivesIdleRegionsBack) {
  Pool p;
  auto a = p.pool->allocate(20 * megabyte);
  auto b = p.pool->allocate(20 * megabyte);
  a.reset();
  p.pool->trim();
  EXPECT_EQ(p.source->held, 20 * megabyte);
  EXPECT_EQ(p.pool->statistics().held, 20 * megabyte);
  b.reset();
  p.pool.reset();
  EXPECT_EQ(p.source->held, 0);
  EXPECT_EQ(p.source->wrong_releases, 0);
}

TEST(MemoryPool, LimitIsAnErrorWithTheFigures) {
  Pool p(32 * megabyte);
  auto a = p.pool->allocate(20 * megabyte);
  try {
    p.pool->allocate(20 * megabyte);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::out_of_memory);
    EXPECT_THAT(
        error.what(),
        testing::HasSubstr("20971520 bytes requested, 20971520 in use, 20971520 held, limit 33554432"));
  }
  // Regions shrink near the bound, and idle ones are given up for it.
  auto b = p.pool->allocate(12 * megabyte);
  b.reset();
  a.reset();
  auto c = p.pool->allocate(32 * megabyte);
  EXPECT_EQ(p.source->held, 32 * megabyte);
}

TEST(MemoryPool, IdleRegionsAreGivenUpWhenTheSourceIsExhausted) {
  Pool p;
  p.source->capacity = 40 * megabyte;
  p.pool->allocate(30 * megabyte).reset();
  auto a = p.pool->allocate(35 * megabyte);
  EXPECT_EQ(p.source->held, 35 * megabyte);
  EXPECT_THROW(p.pool->allocate(10 * megabyte), Error);
  EXPECT_EQ(p.pool->statistics().used, 35 * megabyte);
}

TEST(MemoryPool, BuffersKeepThePoolAlive) {
  Pool p;
  auto a = p.pool->allocate(1000);
  p.pool.reset();
  std::memset(a->data(), 7, 1000);
  a.reset();
  EXPECT_EQ(p.source->held, 0);
}

// The same requests give the same layout whatever addresses the source returns, and buffers never overlap.
TEST(MemoryPool, RequestsAloneDecideTheLayout) {
  std::vector<std::vector<int64_t>> peaks;
  for (int run = 0; run < 2; ++run) {
    Pool p;
    const std::vector<char> disturbance(static_cast<size_t>(run) * 100000 + 1);
    std::vector<std::pair<std::shared_ptr<Storage>, int>> live;
    std::mt19937 random(42);
    std::vector<int64_t> trace;
    for (int i = 0; i < 3000; ++i) {
      if (live.size() > 40 || (!live.empty() && random() % 2 == 0)) {
        const size_t victim = random() % live.size();
        const auto& [buffer, mark] = live[victim];
        for (int64_t at = 0; at < buffer->bytes(); at += 4096)
          ASSERT_EQ(static_cast<int>(buffer->data()[at]), mark);
        live.erase(live.begin() + static_cast<long>(victim));
      } else {
        const int mark = static_cast<int>(random() % 251);
        const int64_t bytes = random() % 4 == 0 ? random() % (6 * megabyte) + 1 : random() % 10000 + 1;
        live.emplace_back(p.pool->allocate(bytes), mark);
        std::memset(live.back().first->data(), mark, static_cast<size_t>(bytes));
        ASSERT_EQ(reinterpret_cast<uintptr_t>(live.back().first->data()) % 64, 0u);
      }
      trace.push_back(p.pool->statistics().held);
      trace.push_back(p.pool->statistics().used);
    }
    peaks.push_back(trace);
  }
  EXPECT_EQ(peaks[0], peaks[1]);
}

TEST(MakeStorage, ReturnsItsMemoryToTheSource) {
  auto source = std::make_shared<CountingMemory>();
  {
    auto a = make_storage(source, 100), empty = make_storage(source, 0);
    EXPECT_EQ(a->bytes(), 100);
    EXPECT_NE(empty->data(), nullptr);
  }
  EXPECT_EQ(source->held, 0);
  EXPECT_EQ(source->wrong_releases, 0);
}

TEST(MemoryPool, TakesEveryBufferFromTheSourceWhenAskedTo) {
  ASSERT_EQ(setenv("LIBPEFT_NO_POOL", "1", 1), 0);
  Pool p(1000);
  unsetenv("LIBPEFT_NO_POOL");
  for (int step = 0; step < 3; ++step) {
    const auto first = p.pool->allocate(300), second = p.pool->allocate(500);
    EXPECT_EQ(first->bytes(), 300);
    EXPECT_EQ(p.source->calls, 2 * (step + 1));
    EXPECT_EQ(p.pool->statistics().held, 800);
    EXPECT_ERROR(Code::out_of_memory, "201 bytes requested, 800 in use, limit 1000", p.pool->allocate(201));
  }
  EXPECT_EQ(p.pool->statistics().used, 0);
  EXPECT_EQ(p.pool->statistics().peak_held, 800);
}

}  // namespace
}  // namespace peft
