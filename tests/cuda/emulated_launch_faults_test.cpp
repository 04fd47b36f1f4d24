// The launch queue when something fails, when other threads free memory, and at its end.
#include <atomic>
#include <thread>

#include "base/log.h"
#include "cuda/cuda_device.h"
#include "cuda/emulated_launch_fixture.h"

namespace peft::cuda {
namespace {

using testing::HasSubstr;

class LaunchFaults : public LaunchQueueTest {
 protected:
  void append_impossible() {
    const QueueScope scope(*queue, "too many threads");
    queued::start_impossible(stream, y->data());
  }
  template <typename Body>
  static std::string message_of(Code code, Body&& body) {
    try {
      body();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), code) << error.what();
      return error.what();
    }
    ADD_FAILURE() << "no error";
    return {};
  }
};

TEST_F(LaunchFaults, ALaunchThatCannotBeIsNamedWhenItIsStarted) {
  append(1, addend(1));
  append_impossible();
  append(2, addend(1));
  const std::string message = message_of(Code::device, [&] { queue->start(); });
  EXPECT_EQ(message,
            "kernel launch of 'too many threads', 1 x 1 x 1 blocks of 2048 x 1 threads and 0 bytes of shared memory: "
            "invalid configuration argument (cudaErrorInvalidConfiguration)");
  // What was queued after it is gone, what comes next is not.
  expected = queued::append(0, 1, addend(1));
  append(3, addend(4));
  expect_right();
}

// In a window that is a graph already, and in one that is made into one.
TEST_F(LaunchFaults, ALaunchThatCannotBeFailsInGraphsToo) {
  for (int round = 0; round < 4; ++round) {
    for (int i = 0; i < 10; ++i) append(i % queued::kinds, addend(1));
    append_impossible();
    EXPECT_THAT(message_of(Code::device, [&] { queue->start(); }), HasSubstr("'too many threads'"));
  }
  append(3, addend(4));
  expect_right();
}

TEST_F(LaunchFaults, AnErrorThatAnotherThreadMetIsThrownByTheNextCall) {
  append_impossible();
  std::thread(start_queued, 0).join();
  EXPECT_THAT(message_of(Code::device, [&] { append(1, addend(1)); }), HasSubstr("'too many threads'"));
  expected = 0;
  append(1, addend(2));
  expect_right();
}

TEST_F(LaunchFaults, ALostDeviceIsSaidAndTheQueueEnds) {
  cuda_emulator::fail_launch(3);
  for (int i = 0; i < 10; ++i) append(i % queued::kinds, addend(1));
  queue->start();
  EXPECT_EQ(cudaStreamSynchronize(stream), cudaErrorLaunchFailure);
  for (int i = 0; i < 10; ++i) append(i % queued::kinds, addend(1));
  message_of(Code::device_lost, [&] { queue->start(); });
  append(1, addend(1));
  queue.reset();
}

TEST_F(LaunchFaults, ALostDeviceIsNoReasonToGoOnWithoutGraphs) {
  set_log_level(LogLevel::warning);
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 10; ++i) append(i % queued::kinds, addend(1));
    queue->start();
  }
  EXPECT_GT(launched(), 0);
  cuda_emulator::fail_launch(0);
  append(1, addend(1));
  queue->start();
  EXPECT_EQ(cudaStreamSynchronize(stream), cudaErrorLaunchFailure);
  for (int i = 0; i < 10; ++i) append(i % queued::kinds, addend(1));
  message_of(Code::device_lost, [&] { queue->start(); });
  EXPECT_FALSE(poll_log());
  set_log_level(LogLevel::off);
}

// Wherever it fails (a call to begin with, one for each of 9 nodes, instantiating, launching; then updating and
// launching): the kernels run, one warning says that no graphs are used any more, and none are.
TEST_F(LaunchFaults, WithoutGraphsTheSameKernelsRun) {
  set_log_level(LogLevel::warning);
  constexpr int calls = 1 + 9 + 1 + 1 + 1 + 1;
  for (int failing = 0; failing < calls; ++failing) {
    queue = std::make_unique<LaunchQueue>(0, stream);
    const auto round = [&](uint64_t value) {
      for (int i = 0; i < 9; ++i) append(i % queued::kinds, addend(i == 3 ? value : 1));
      expect_right();
    };
    const int64_t live = counts().live_graphs;
    round(0);
    cuda_emulator::fail_graph(failing);
    for (uint64_t i = 1; i < 5; ++i) round(i);
    const auto warning = poll_log();
    ASSERT_TRUE(warning) << failing;
    EXPECT_THAT(warning->message,
                testing::StartsWith("cuda:0: kernels are started one by one from here on: CUDA graphs: "));
    EXPECT_THAT(warning->message, HasSubstr("cudaErrorNotSupported"));
    EXPECT_FALSE(poll_log());
    EXPECT_EQ(counts().live_graphs, live);
    const int64_t before_last = direct();
    round(9);
    EXPECT_EQ(direct(), before_last + 9);
    EXPECT_EQ(cudaPeekAtLastError(), cudaSuccess);
  }
  set_log_level(LogLevel::off);
}

// The emulation ends the process when a kernel touches memory that was freed before it ran.
TEST_F(LaunchFaults, MemoryIsReleasedAfterTheLaunchesThatUseIt) {
  std::byte* const block = allocate_memory(0, 32 * sizeof(uint64_t));
  {
    const QueueScope scope(*queue, "append");
    for (int i = 0; i < 5; ++i) queued::start_append(stream, 0, 1, addend(1), reinterpret_cast<uint64_t*>(block));
  }
  EXPECT_EQ(direct(), 0);
  std::thread([&] { release_memory(0, block); }).join();
  EXPECT_EQ(direct(), 5);
  EXPECT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
}

TEST_F(LaunchFaults, TheLastLaunchesRun) {
  append(1, addend(1));
  append(2, addend(1));
  queue.reset();
  ASSERT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
  EXPECT_EQ(y->read()[31], expected);
}

// Two queues with a thread each, and a third thread that frees memory all the time.
TEST_F(LaunchFaults, ThreadsDoNotDisturbEachOther) {
  std::atomic<bool> stop = false;
  const auto work = [](uint64_t seed) {
    cudaStream_t own = nullptr;
    ASSERT_EQ(cudaStreamCreateWithFlags(&own, cudaStreamNonBlocking), cudaSuccess);
    {
      LaunchQueue mine(0, own);
      const cuda_emulator::Buffer<uint64_t> values(32);
      uint64_t last = 0;
      for (uint64_t round = 0; round < 60; ++round) {
        const QueueScope scope(mine, "append");
        for (int i = 0; i < 50; ++i) {
          const Addend value = addend(i == 7 ? round : seed);
          queued::start_append(own, i % queued::kinds, 1, value, values.data());
          last = queued::append(last, i % queued::kinds, value);
        }
        if (round % 5 == 0) {
          ASSERT_EQ(cudaStreamSynchronize(ordered(own)), cudaSuccess);
        }
      }
      mine.start();
      ASSERT_EQ(cudaStreamSynchronize(own), cudaSuccess);
      EXPECT_EQ(values.read()[31], last);
    }
    EXPECT_EQ(cudaStreamDestroy(own), cudaSuccess);
  };
  std::thread one(work, 1), two(work, 2), freeing([&] {
    while (!stop) release_memory(0, allocate_memory(0, 256));
  });
  one.join();
  two.join();
  stop = true;
  freeing.join();
  EXPECT_GT(launched(), 0);
}

}  // namespace
}  // namespace peft::cuda
