// What launches become: single ones, graphs, updated graphs; and that their order is kept.
#include <chrono>
#include <cstdlib>
#include <new>

#include "cuda/emulated_launch_fixture.h"

namespace {
thread_local int64_t allocations = 0;
}

// GCC takes the pair for one that does not fit when it sees into only one of the two.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
void* operator new(size_t bytes) {
  ++allocations;
  if (void* const block = std::malloc(bytes ? bytes : 1)) return block;
  throw std::bad_alloc();
}
void operator delete(void* block) noexcept { std::free(block); }
void operator delete(void* block, size_t) noexcept { std::free(block); }
#pragma GCC diagnostic pop

namespace peft::cuda {
namespace {

constexpr int64_t first = LaunchQueue::first_window, whole = LaunchQueue::window;

TEST_F(LaunchQueueTest, LaunchesWaitUntilTheStreamIsAskedFor) {
  for (int i = 0; i < 5; ++i) append(i % queued::kinds, addend(7));
  EXPECT_EQ(direct(), 0);
  {
    const QueueScope scope(*queue, "ordered");
    EXPECT_EQ(ordered(stream), stream);
  }
  EXPECT_EQ(direct(), 5);
  EXPECT_EQ(built(), 0);
  expect_right();
}

TEST_F(LaunchQueueTest, FullWindowsStartAndGrow) {
  for (int64_t i = 0; i < first + 2 * first + whole + whole; ++i) {
    EXPECT_EQ(direct(), i < first           ? 0
                        : i < 3 * first     ? first
                        : i < 3 * first + whole ? 3 * first
                                                : 3 * first + whole)
        << i;
    append(static_cast<int>(i * i % 11 % queued::kinds), addend(static_cast<uint64_t>(i)));
  }
  expect_right();
}

TEST_F(LaunchQueueTest, OtherStreamsAndThreadsWithoutAQueueStartAtOnce) {
  queued::start_append(stream, 1, 1, addend(3), y->data());
  expected = queued::append(expected, 1, addend(3));
  EXPECT_EQ(direct(), 1);
  cudaStream_t other = nullptr;
  ASSERT_EQ(cudaStreamCreate(&other), cudaSuccess);
  {
    const QueueScope scope(*queue, "other");
    queued::start_append(other, 1, 1, addend(3), y->data() + 32);
    EXPECT_EQ(ordered(other), other);
  }
  EXPECT_EQ(direct(), 2);
  EXPECT_EQ(cudaStreamDestroy(other), cudaSuccess);
  expect_right();
}

// As decoding does: the same launches for every token, waited for after each.
TEST_F(LaunchQueueTest, TheSameWindowsAreBuiltOnceAndLaunchedEver) {
  for (int token = 0; token < 10; ++token) {
    for (int i = 0; i < 40; ++i) append(i * i % 7 % queued::kinds, addend(static_cast<uint64_t>(i)));
    expect_right();
    EXPECT_EQ(direct(), 40) << token;  // the first alone
    EXPECT_EQ(built(), token > 0 ? 2 : 0) << token;
    EXPECT_EQ(launched(), 2 * token);
  }
  EXPECT_EQ(updates(), 0);
}

TEST_F(LaunchQueueTest, ChangedArgumentsAndSizesAreUpdatedAlone) {
  for (uint64_t token = 0; token < 10; ++token) {
    for (int i = 0; i < 12; ++i) append(i % queued::kinds, addend(i == 5 ? token : 1));
    append(2, addend(3), token % 2 ? 2 : 1);
    expect_right();
  }
  EXPECT_EQ(direct(), 13);
  EXPECT_EQ(built(), 1);
  EXPECT_EQ(launched(), 9);
  EXPECT_EQ(updates(), 2 * 8);
}

TEST_F(LaunchQueueTest, WindowsThatAlwaysDifferShareOneGraph) {
  for (uint64_t step = 0; step < 10; ++step) append_window(0b11'10'01'00, 100 * step);
  expect_right();
  EXPECT_EQ(built(), 1);
  EXPECT_EQ(updates(), 8 * 8);
}

// Layers: the same kernels, each time with the arguments of another one.
TEST_F(LaunchQueueTest, WindowsOfTheSameKernelsGetGraphsOfTheirOwn) {
  const auto token = [&] {
    for (uint64_t layer = 0; layer < 6; ++layer) append_window(0b11'10'01'00, 100 * layer);
  };
  for (int i = 0; i < 3; ++i) token();
  const int64_t updated = updates(), made = built();
  EXPECT_EQ(made, 6);
  for (int i = 0; i < 5; ++i) token();
  expect_right();
  EXPECT_EQ(updates(), updated);
  EXPECT_EQ(built(), made);
}

// Addends lie in memory that had something else in it.
TEST_F(LaunchQueueTest, PaddingIsNoDifference) {
  alignas(Addend) unsigned char memory[sizeof(Addend)];
  for (int round = 0; round < 6; ++round) {
    for (int i = 0; i < 9; ++i) {
      std::memset(memory, 17 * round + i, sizeof memory);
      Addend& value = *new (memory) Addend;
      value.low = 1, value.high = 2, value.more = 3;
      append(i % queued::kinds, value);
    }
    expect_right();
  }
  EXPECT_EQ(built(), 1);
  EXPECT_EQ(updates(), 0);
}

TEST_F(LaunchQueueTest, GraphsAreBounded) {
  constexpr auto most = static_cast<int64_t>(LaunchGraphs::most_graphs);
  for (unsigned number = 0; number < 100; ++number) {
    append_window(number, number);
    append_window(number, number);
    append_window(number, number);
    EXPECT_LE(counts().live_graphs - before.live_graphs, most);
  }
  expect_right();
  EXPECT_EQ(built(), 100);
  EXPECT_EQ(counts().live_graphs - before.live_graphs, most);
  // The last ones used are the ones that are left.
  for (unsigned number = 99; number > 100 - most; --number) append_window(number, number);
  expect_right();
  EXPECT_EQ(built(), 100);
  queue.reset();
  EXPECT_EQ(counts().live_graphs, before.live_graphs);
}

TEST_F(LaunchQueueTest, MoreWindowsThanPlacesAreNotBuiltInTurn) {
  for (int round = 0; round < 4; ++round)
    for (unsigned number = 0; number < 100; ++number) append_window(number, number);
  expect_right();
  EXPECT_EQ(built(), 0);
}

TEST_F(LaunchQueueTest, MuchSharedMemoryIsAskedForOnceAndKept) {
  for (int round = 0; round < 4; ++round) {
    for (const size_t bytes : {size_t{100} << 10, size_t{60} << 10, size_t{1000}}) {
      for (int i = 0; i < 4; ++i) {
        const QueueScope scope(*queue, "shared");
        queued::start_shared(stream, bytes, y->data());
        ++expected;
      }
    }
    queue->start();
  }
  ASSERT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
  EXPECT_EQ(y->read()[0], expected);
  EXPECT_EQ(built(), 1);
}

TEST_F(LaunchQueueTest, SwitchedOffEveryLaunchStartsAtOnce) {
  const auto check = [&] {
    queue = std::make_unique<LaunchQueue>(0, stream);
    const int64_t at_first = direct();
    for (int i = 0; i < 40; ++i) {
      EXPECT_EQ(direct() - at_first, i);
      append(i % queued::kinds, addend(1));
    }
    expect_right();
    EXPECT_EQ(built(), 0);
  };
  setenv("LIBPEFT_CUDA_GRAPHS", "0", 1);
  check();
  unsetenv("LIBPEFT_CUDA_GRAPHS");
  setenv("CUDA_LAUNCH_BLOCKING", "1", 1);
  check();
  unsetenv("CUDA_LAUNCH_BLOCKING");
}

TEST_F(LaunchQueueTest, QueueingAllocatesNothing) {
  const auto fill = [&] {
    for (int64_t i = 0; i + 1 < first; ++i) append(static_cast<int>(i) % queued::kinds, addend(5));
  };
  fill();
  queue->start();
  const int64_t at_first = allocations;
  fill();
  EXPECT_EQ(allocations, at_first);
  expect_right();
}

// Not asserted: what a launch costs the host until the window is full.
TEST_F(LaunchQueueTest, CostOfQueueing) {
  using Clock = std::chrono::steady_clock;
  constexpr int rounds = 2000;
  Clock::duration time{};
  for (int round = 0; round < rounds; ++round) {
    const auto begin = Clock::now();
    for (int64_t i = 0; i + 1 < first; ++i) append(static_cast<int>(i) % queued::kinds, addend(5));
    time += Clock::now() - begin;
    queue->start();
  }
  expect_right();
  const double nanoseconds = std::chrono::duration<double, std::nano>(time).count() / (rounds * (first - 1.0));
  RecordProperty("nanoseconds", std::to_string(nanoseconds));
  std::printf("%.0f ns for one queued launch, the emulation's look-up of the kernel included\n", nanoseconds);
}

}  // namespace
}  // namespace peft::cuda
