// A launch queue on the emulated GPU, and what its launches should have done.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <vector>

#include "base/error.h"
#include "cuda/emulated_launch_kernels.h"
#include "cuda/emulator_support.h"
#include "cuda/launch_queue.h"

namespace peft::cuda {

using cuda_emulator::counts;
using queued::Addend;

inline Addend addend(uint64_t value) { return {1, value, 2}; }

class LaunchQueueTest : public cuda_emulator::EmulatorTest {
 protected:
  void SetUp() override {
    EmulatorTest::SetUp();
    queue = std::make_unique<LaunchQueue>(0, stream);
    y = std::make_unique<cuda_emulator::Buffer<uint64_t>>(64);
    before = counts();
  }
  void TearDown() override {
    cuda_emulator::fail_graph(-1);
    cuda_emulator::fail_launch(-1);
    cuda_emulator::recover();
    queue.reset();
    y.reset();
    EmulatorTest::TearDown();
  }

  // Queues one launch.
  void append(int kind, const Addend& value, unsigned blocks = 1) {
    const QueueScope scope(*queue, "append");
    queued::start_append(stream, kind, blocks, value, y->data());
    expected = queued::append(expected, kind, value);
  }
  // A window of eight kernels whose kinds are the digits of `number`, in base 4.
  void append_window(unsigned number, uint64_t value) {
    for (int i = 0; i < 8; ++i, number /= queued::kinds)
      append(static_cast<int>(number % queued::kinds), addend(value + static_cast<uint64_t>(i)));
    queue->start();
  }
  void expect_right() {
    queue->start();
    ASSERT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
    EXPECT_EQ(y->read()[31], expected);
  }

  // Since the test began.
  int64_t direct() const { return counts().direct_launches - before.direct_launches; }
  int64_t built() const { return counts().graphs_built - before.graphs_built; }
  int64_t launched() const { return counts().graph_launches - before.graph_launches; }
  int64_t updates() const { return counts().node_updates - before.node_updates; }

  std::unique_ptr<LaunchQueue> queue;
  std::unique_ptr<cuda_emulator::Buffer<uint64_t>> y;
  uint64_t expected = 0;
  cuda_emulator::Counts before;
};

}  // namespace peft::cuda
