// The emulated GPU runs right kernels right and finds the faults of wrong ones.
#include <cmath>
#include <numeric>

#include "cuda/emulator_kernels.h"
#include "cuda/emulator_support.h"

namespace cuda_emulator {
namespace {

using namespace faulty;
using testing::HasSubstr;

constexpr unsigned threads = 128, blocks = 3;

class Kernels : public EmulatorTest {
 protected:
  // Does the kernel compute what it should?
  bool sums(Sum kind, uint64_t seed) {
    shuffle(seed);
    std::vector<float> x(threads * blocks);
    std::iota(x.begin(), x.end(), 1.0f);
    const Buffer<float> input(x), output(blocks);
    start_sum(kind, stream, blocks, threads, input.data(), output.data());
    if (cudaStreamSynchronize(stream) != cudaSuccess) return false;
    const std::vector<float> y = output.read();
    for (unsigned block = 0; block < blocks; ++block)
      if (y[block] != std::accumulate(&x[block * threads], &x[block * threads] + threads, 0.0f)) return false;
    return true;
  }
  bool reverses(Warp kind) {
    std::vector<float> x(32);
    std::iota(x.begin(), x.end(), 1.0f);
    const Buffer<float> input(x), output(32);
    start_warp(kind, stream, input.data(), output.data());
    if (cudaStreamSynchronize(stream) != cudaSuccess) return false;
    const std::vector<float> y = output.read();
    return std::equal(y.begin(), y.end(), x.rbegin());
  }
};

TEST_F(Kernels, SumsOverABlockInEveryOrder) {
  for (uint64_t seed = 0; seed < 20; ++seed) EXPECT_TRUE(sums(Sum::right, seed)) << problem();
}

TEST_F(Kernels, ABarrierMissingBeforeAReadShowsInEveryOrder) {
  for (uint64_t seed = 0; seed < 20; ++seed)
    EXPECT_FALSE(sums(Sum::without_first_barrier, seed)) << "seed " << seed;
}

// A warp must run ahead of another one, which only some orders let it do.
TEST_F(Kernels, ABarrierMissingBeforeAWriteShowsInMostOrders) {
  int found = 0;
  for (uint64_t seed = 1; seed <= 20; ++seed) found += !sums(Sum::without_second_barrier, seed);
  EXPECT_GE(found, 15);
}

TEST_F(Kernels, ADivergentBarrierIsNamed) {
  EXPECT_FALSE(sums(Sum::divergent, 1));
  EXPECT_THAT(problem(), HasSubstr("sum_kernel"));
  EXPECT_THAT(problem(), HasSubstr("emulator_kernels.cu"));
  EXPECT_THAT(problem(), HasSubstr("128 threads: __syncthreads"));
  EXPECT_EQ(cudaStreamSynchronize(stream), cudaErrorLaunchFailure) << "a lost device stays lost";
  EXPECT_THAT(cudaGetErrorString(cudaErrorLaunchFailure), HasSubstr("__syncthreads"));
  EXPECT_STREQ(cudaGetErrorName(cudaErrorLaunchFailure), "cudaErrorLaunchFailure");
  float* data = nullptr;
  EXPECT_EQ(cudaMalloc(&data, 4), cudaErrorLaunchFailure);
  recover();
  EXPECT_TRUE(sums(Sum::right, 1));
}

TEST_F(Kernels, WarpCallsNeedTheirLanes) {
  EXPECT_TRUE(reverses(Warp::right)) << problem();
  EXPECT_FALSE(reverses(Warp::absent_lanes));
  EXPECT_THAT(problem(), HasSubstr("__shfl_xor_sync at"));
  EXPECT_THAT(problem(), HasSubstr("waits for lanes ffff0000"));
  recover();
  EXPECT_FALSE(reverses(Warp::different_calls));
  EXPECT_THAT(problem(), HasSubstr("other lanes wait for it in"));
  recover();
  EXPECT_FALSE(reverses(Warp::unnamed_lane));
  EXPECT_THAT(problem(), HasSubstr("which mask 0000ffff does not name"));
  recover();
  EXPECT_FALSE(reverses(Warp::without_barrier));
}

TEST_F(Kernels, DynamicSharedMemoryIsExactAndUnwritten) {
  const Buffer<float> y(1);
  start_shared(stream, 40 * sizeof(float), 40, 40, y.data());
  EXPECT_EQ(y.read()[0], 40) << problem();
  start_shared(stream, 40 * sizeof(float), 39, 40, y.data());
  EXPECT_TRUE(std::isnan(y.read()[0]));
}

using KernelsDeathTest = Kernels;

TEST_F(KernelsDeathTest, WritesPastDynamicSharedMemory) {
  const auto overrun = [&](int written) {
    const Buffer<float> y(1);
    start_shared(stream, 40 * sizeof(float), written, 1, y.data());
    if (cudaStreamSynchronize(stream) != cudaSuccess) std::abort();
  };
  EXPECT_DEATH(overrun(41), "shared_kernel|use-after-poison");
  EXPECT_DEATH(overrun(38 + 32), "shared_kernel|use-after-poison");
}

TEST_F(KernelsDeathTest, TouchesPastTheEndOfAnAllocation) {
  const auto overrun = [&](size_t there) {
    const Buffer<float> x(64), y(there);
    start_copy(stream, 1, 64, x.data(), y.data());
    cudaStreamSynchronize(stream);
  };
  overrun(64);
  ASSERT_EQ(problem(), "");
  // By a float at the end of a page, and by less than the alignment.
  EXPECT_DEATH(overrun(0), "copy_kernel");
#ifdef PEFT_EMULATOR_SANITIZED
  EXPECT_DEATH(overrun(63), "AddressSanitizer.*(\n.*)*copy_kernel");
#else
  overrun(63);
  EXPECT_THAT(problem(), HasSubstr("wrote past the end"));
#endif
}

TEST_F(KernelsDeathTest, TouchesFreedMemory) {
  const auto late = [&] {
    const Buffer<float> x(64);
    float* y = nullptr;
    cudaMalloc(&y, 64 * sizeof(float));
    cudaFree(y);
    start_copy(stream, 1, 64, x.data(), y);
    cudaStreamSynchronize(stream);
  };
  EXPECT_DEATH(late(), "copy_kernel");
}

TEST_F(KernelsDeathTest, TheHostCannotTouchDeviceMemory) {
  const Buffer<float> x(64);
  EXPECT_DEATH(x.data()[3] = 1, "the host touches .* in an allocation of 256 bytes|SEGV");
}

#ifndef PEFT_EMULATOR_SANITIZED
TEST_F(Kernels, StaticSharedMemoryIsUnwrittenAtALaunch) {
  const Buffer<float> y(1);
  start_static(stream, true, y.data());
  EXPECT_EQ(y.read()[0], 1);
  start_static(stream, false, y.data());
  EXPECT_TRUE(std::isnan(y.read()[0]));
}
#endif

TEST_F(Kernels, NewMemoryIsUnwritten) {
  float* data = nullptr;
  ASSERT_EQ(cudaMalloc(&data, 3 << 20), cudaSuccess);
  std::vector<float> values((3 << 20) / sizeof(float));
  EXPECT_EQ(cudaMemcpy(values.data(), data, 3 << 20, cudaMemcpyDeviceToHost), cudaSuccess);
  for (const float value : values) ASSERT_TRUE(std::isnan(value));
  EXPECT_EQ(cudaFree(data), cudaSuccess);
}

TEST_F(Kernels, OrdersAreShuffledAndReproducible) {
  const auto order_of = [&](uint64_t seed) {
    shuffle(seed);
    const Buffer<unsigned> counter(1), order(blocks * threads);
    start_order(stream, blocks, threads, counter.data(), order.data());
    return order.read();
  };
  std::vector<unsigned> plain(blocks * threads);
  std::iota(plain.begin(), plain.end(), 0u);
  EXPECT_EQ(order_of(0), plain);
  const std::vector<unsigned> first = order_of(1);
  EXPECT_NE(first, plain);
  EXPECT_THAT(first, testing::UnorderedElementsAreArray(plain));
  EXPECT_EQ(order_of(1), first);
  EXPECT_NE(order_of(2), first);
}

TEST_F(Kernels, VotesAndShuffles) {
  const unsigned count = 40;  // the second warp has 8 lanes
  const Buffer<unsigned> votes(5 * count);
  start_votes(stream, count, votes.data());
  const std::vector<unsigned> found = votes.read();
  ASSERT_EQ(problem(), "");
  for (unsigned i = 0; i < count; ++i)
    EXPECT_THAT(std::vector<unsigned>(&found[5 * i], &found[5 * i] + 5),
                testing::ElementsAre(i < 32 ? 0xaaaaaaaau : 0xaau, i < 32, i < 32, count / 2, 2u))
        << i;

  const Buffer<double> shuffled(4 * 32);
  start_shuffles(stream, shuffled.data());
  const std::vector<double> values = shuffled.read();
  for (unsigned i = 0; i < 32; ++i) {
    EXPECT_EQ(values[4 * i], 1 + (i % 8 >= 2 ? i - 2 : i));
    EXPECT_EQ(values[4 * i + 1], 1 + (i % 8 < 5 ? i + 3 : i));
    EXPECT_EQ(values[4 * i + 2], 1 + i) << "outside of the group";
    EXPECT_EQ(values[4 * i + 3], 1 + i / 8 * 8 + 1);
  }
}

TEST_F(Kernels, AtomicsAndThreadsThatWaitForOthers) {
  const Buffer<int> results(5);
  const Buffer<float> sum(1);
  start_atomics(stream, 100, results.data(), sum.data());
  EXPECT_THAT(results.read(), testing::ElementsAre(100, 99, -99, 0, 200)) << problem();
  EXPECT_EQ(sum.read()[0], 50);
  for (uint64_t seed = 0; seed < 6; ++seed) {
    shuffle(seed);
    const Buffer<int> flag(1);
    start_waiting(stream, 70, flag.data());
    EXPECT_EQ(flag.read()[0], 69);
  }
}

TEST_F(Kernels, CopiesInTheBackgroundArriveWhenWaitedFor) {
  const Buffer<float> x(32, 3.0f), y(32, 0.0f);
  start_background_copy(stream, true, x.data(), y.data());
  EXPECT_EQ(y.read(), std::vector<float>(32, 3.0f));
  start_background_copy(stream, false, x.data(), y.data());
  EXPECT_THAT(y.read(), testing::Each(testing::IsNan()));
}

TEST_F(Kernels, PlacesInThreeDimensions) {
  const dim3 grid(2, 3, 2), block(3, 2, 4);
  const Buffer<unsigned> places(6 * 12 * 24, ~0u);
  start_places(stream, grid, block, places.data());
  const std::vector<unsigned> found = places.read();
  size_t at = 0;
  for (unsigned b = 0; b < 12; ++b)
    for (unsigned t = 0; t < 24; ++t, at += 6)
      ASSERT_THAT(std::vector<unsigned>(&found[at], &found[at] + 6),
                  testing::ElementsAre(t % 3, t / 3 % 2, t / 6, b % 2, b / 2 % 3, b / 6));
}

TEST_F(Kernels, LaunchesThatCannotBeAreRefused) {
  const Buffer<float> x(1), y(1);
  for (const auto& [grid, block] : {std::pair{1u, 1025u}, {1u, 0u}, {0u, 32u}}) {
    start_copy(stream, grid, block, x.data(), y.data());
    EXPECT_EQ(cudaGetLastError(), cudaErrorInvalidConfiguration);
  }
  start_shared(stream, 228 * 1024, 1, 1, y.data());
  EXPECT_EQ(cudaGetLastError(), cudaErrorInvalidConfiguration);
  EXPECT_EQ(cudaGetLastError(), cudaSuccess) << "not a fault of the device";
}

}  // namespace
}  // namespace cuda_emulator
