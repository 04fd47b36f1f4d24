#include "base/threads.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <numeric>
#include <set>
#include <thread>
#include <vector>

#include "support/expect_error.h"

namespace peft {
namespace {

// Waits until `count` slices are inside at once; false after ten seconds.
bool meet(std::atomic<int>& inside, int count) {
  ++inside;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (inside < count) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

TEST(Threads, EveryElementIsVisitedOnceInFixedSlices) {
  for (const int64_t count : {0, 1, 2, 7, 64, 1000})
    for (const int64_t grain : {1, 3, 64, 2000})
      for (const int threads : {0, 1, 2, 5}) {
        std::vector<int> visits(static_cast<size_t>(count));
        std::mutex mutex;
        std::set<std::pair<int64_t, int64_t>> slices, expected;
        parallel_for(count, grain, threads, [&](int64_t begin, int64_t end) {
          for (int64_t i = begin; i < end; ++i) ++visits[static_cast<size_t>(i)];
          std::lock_guard lock(mutex);
          slices.emplace(begin, end);
        });
        for (int64_t begin = 0; begin < count; begin += grain)
          expected.emplace(begin, std::min(begin + grain, count));
        EXPECT_EQ(slices, expected);
        EXPECT_EQ(visits, std::vector<int>(static_cast<size_t>(count), 1));
      }
}

TEST(Threads, HugeCountsDoNotOverflow) {
  std::atomic<int64_t> total{0};
  parallel_for(INT64_MAX, INT64_MAX / 2, 3, [&](int64_t begin, int64_t end) { total += end - begin; });
  EXPECT_EQ(total, INT64_MAX);
  EXPECT_ERROR(Code::internal, "grain > 0", parallel_for(1, 0, 1, [](int64_t, int64_t) {}));
}

TEST(Threads, SlicesRunAtTheSameTime) {
  for (int round = 0; round < 20; ++round) {
    std::atomic<int> inside{0}, met{0};
    parallel_for(4, 1, 4, [&](int64_t, int64_t) { met += meet(inside, 4); });
    ASSERT_EQ(met, 4);
    if (round % 5 == 0) usleep(2000);  // lets the workers fall asleep
  }
}

TEST(Threads, ExceptionIsRethrownAfterAllHaveStopped) {
  for (int round = 0; round < 200; ++round) {
    std::atomic<int> inside{0}, calls{0};
    EXPECT_ERROR(Code::numeric, "slice 3", parallel_for(1000, 1, 3, [&](int64_t begin, int64_t) {
                   ++inside, ++calls;
                   const std::unique_ptr<std::atomic<int>, void (*)(std::atomic<int>*)> leave(
                       &inside, [](auto* n) { --*n; });
                   if (begin == 3) fail(Code::numeric, "slice {}", begin);
                 }));
    EXPECT_EQ(inside, 0);
    EXPECT_GE(calls, 4);
  }
  EXPECT_THROW(parallel_for(10, 1, 2, [](int64_t, int64_t) { throw 5; }), int);
  std::atomic<int> calls{0};
  parallel_for(10, 1, 3, [&](int64_t, int64_t) { ++calls; });  // the pool works on
  EXPECT_EQ(calls, 10);
}

TEST(Threads, NestedLoopsRunInTheirThread) {
  std::atomic<int> calls{0};
  parallel_for(8, 1, 3, [&](int64_t, int64_t) {
    const auto self = std::this_thread::get_id();
    parallel_for(5, 1, 3, [&](int64_t, int64_t) {
      EXPECT_EQ(std::this_thread::get_id(), self);
      ++calls;
    });
  });
  EXPECT_EQ(calls, 40);
}

TEST(Threads, ManyCallersAtOnce) {
  std::vector<std::thread> callers;
  std::atomic<int> wrong{0};
  for (int c = 0; c < 6; ++c)
    callers.emplace_back([&wrong, c] {
      std::vector<int64_t> out(97);
      for (int round = 0; round < 1500; ++round) {
        parallel_for(97, 1 + c, 2 + c % 3, [&](int64_t begin, int64_t end) {
          for (int64_t i = begin; i < end; ++i) out[static_cast<size_t>(i)] = i * round;
        });
        if (std::accumulate(out.begin(), out.end(), int64_t{0}) != int64_t{96 * 97 / 2} * round) ++wrong;
      }
    });
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(wrong, 0);
}

TEST(Threads, ShutDownWhileCallersWorkAndStartAgain) {
  std::atomic<bool> stop{false};
  std::atomic<int64_t> loops{0};
  std::vector<std::thread> callers;
  for (int c = 0; c < 2; ++c)
    callers.emplace_back([&] {
      while (!stop) {
        std::atomic<int> calls{0};
        parallel_for(16, 1, 3, [&](int64_t, int64_t) { ++calls; });
        ASSERT_EQ(calls, 16);
        ++loops;
      }
    });
  for (int round = 0; round < 50; ++round) {
    usleep(500);
    shut_down_threads();
  }
  while (loops < 100) std::this_thread::yield();
  stop = true;
  for (auto& caller : callers) caller.join();
  shut_down_threads();
  shut_down_threads();
}

TEST(Threads, WorkersBlockAllSignals) {
  std::atomic<int> inside{0}, blocked{0};
  const auto caller = std::this_thread::get_id();
  parallel_for(2, 1, 2, [&](int64_t, int64_t) {
    ASSERT_TRUE(meet(inside, 2));
    if (std::this_thread::get_id() == caller) return;
    sigset_t set;
    pthread_sigmask(SIG_SETMASK, nullptr, &set);
    blocked += sigismember(&set, SIGINT) == 1 && sigismember(&set, SIGALRM) == 1;
  });
  EXPECT_EQ(blocked, 1);
  sigset_t own;
  pthread_sigmask(SIG_SETMASK, nullptr, &own);
  EXPECT_EQ(sigismember(&own, SIGINT), 0);
}

TEST(Threads, ForkedChildGetsAnErrorAndMayExit) {
  parallel_for(2, 1, 2, [](int64_t, int64_t) {});
  const pid_t child = fork();
  if (child == 0) {
    alarm(20);
    int result = 1;
    try {
      parallel_for(2, 1, 2, [](int64_t, int64_t) {});
    } catch (const Error& error) {
      result = error.code() == Code::forked ? 0 : 2;
    }
    shut_down_threads();  // as the library's destructor would: must not wait for threads that are not there
    _exit(result);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

TEST(Threads, AvailableThreadsFollowsTheAffinity) {
  const int before = available_threads();
  EXPECT_GE(before, 1);
  cpu_set_t all, one;
  ASSERT_EQ(sched_getaffinity(0, sizeof all, &all), 0);
  int first = 0;
  while (!CPU_ISSET(first, &all)) ++first;
  CPU_ZERO(&one);
  CPU_SET(first, &one);
  ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
  EXPECT_EQ(available_threads(), 1);
  ASSERT_EQ(sched_setaffinity(0, sizeof all, &all), 0);
  EXPECT_EQ(available_threads(), before);
}

}  // namespace
}  // namespace peft
