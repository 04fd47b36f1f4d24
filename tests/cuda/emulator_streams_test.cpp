// Streams, events, copies, limits and failures of the emulated GPU.
#include "cublasLt.h"
#include "cuda/emulator_kernels.h"
#include "cuda/emulator_support.h"

namespace cuda_emulator {
namespace {

class Streams : public EmulatorTest {
 protected:
  void SetUp() override {
    EmulatorTest::SetUp();
    ASSERT_EQ(cudaStreamCreateWithFlags(&other, cudaStreamNonBlocking), cudaSuccess);
    ASSERT_EQ(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), cudaSuccess);
  }
  void TearDown() override {
    recover();
    EXPECT_EQ(cudaStreamDestroy(other), cudaSuccess);
    EXPECT_EQ(cudaEventDestroy(event), cudaSuccess);
    EmulatorTest::TearDown();
  }
  cudaStream_t other = nullptr;
  cudaEvent_t event = nullptr;
};

TEST_F(Streams, RunWhenTheHostWaits) {
  const int64_t before = counts().launches;
  const Buffer<float> x(32, 5.0f), y(32, 0.0f);
  faulty::start_copy(stream, 1, 32, x.data(), y.data());
  EXPECT_EQ(counts().launches, before);
  EXPECT_EQ(cudaStreamQuery(stream) == cudaErrorNotReady || counts().launches > before, true);
  EXPECT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
  EXPECT_EQ(counts().launches, before + 1);
  EXPECT_EQ(y.read(), std::vector<float>(32, 5.0f));
}

// Without an event the second stream runs too early under some seed; with one under none.
TEST_F(Streams, InterleaveUnlessEventsOrderThem) {
  const auto arrives = [&](bool ordered, uint64_t seed) {
    shuffle(seed);
    const Buffer<float> x(32, 5.0f), between(32, 0.0f), y(32, 0.0f);
    faulty::start_copy(stream, 1, 32, x.data(), between.data());
    EXPECT_EQ(cudaEventRecord(event, stream), cudaSuccess);
    if (ordered) {
      EXPECT_EQ(cudaStreamWaitEvent(other, event, 0), cudaSuccess);
    }
    faulty::start_copy(other, 1, 32, between.data(), y.data());
    EXPECT_EQ(cudaStreamSynchronize(other), cudaSuccess);
    const bool right = y.read()[31] == 5.0f;
    EXPECT_EQ(cudaEventSynchronize(event), cudaSuccess);
    EXPECT_EQ(cudaEventQuery(event), cudaSuccess);
    return right;
  };
  int early = 0;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    EXPECT_TRUE(arrives(true, seed)) << seed;
    early += !arrives(false, seed);
  }
  EXPECT_GE(early, 3);
}

TEST_F(Streams, PinnedMemoryIsReadWhenTheCopyRuns) {
  float* pinned = nullptr;
  ASSERT_EQ(cudaMallocHost(&pinned, 4), cudaSuccess);
  const Buffer<float> x(1);
  pinned[0] = 1;
  ASSERT_EQ(cudaMemcpyAsync(x.data(), pinned, 4, cudaMemcpyHostToDevice, stream), cudaSuccess);
  pinned[0] = 2;  // too early
  ASSERT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
  EXPECT_EQ(x.read()[0], 2);
  float pageable = 3;
  ASSERT_EQ(cudaMemcpyAsync(x.data(), &pageable, 4, cudaMemcpyHostToDevice, stream), cudaSuccess);
  pageable = 4;
  ASSERT_EQ(cudaMemcpyAsync(&pageable, x.data(), 4, cudaMemcpyDeviceToHost, stream), cudaSuccess);
  EXPECT_EQ(pageable, 3);
  EXPECT_EQ(cudaFreeHost(pinned), cudaSuccess);
}

TEST_F(Streams, CopiesMustBeOfTheKindThatTheyName) {
  const Buffer<float> x(4);
  float host[4] = {};
  EXPECT_EQ(cudaMemcpyAsync(host, x.data(), 16, cudaMemcpyHostToDevice, stream), cudaErrorInvalidValue);
  EXPECT_EQ(cudaMemcpyAsync(x.data(), host, 20, cudaMemcpyHostToDevice, stream), cudaErrorInvalidValue)
      << "too long";
  EXPECT_EQ(cudaMemcpyAsync(host, x.data(), 16, cudaMemcpyDefault, stream), cudaSuccess);
  EXPECT_EQ(cudaMemsetAsync(x.data(), 0, 16, stream), cudaSuccess);
  EXPECT_EQ(cudaMemsetAsync(host, 0, 16, stream), cudaErrorInvalidValue);
  cudaGetLastError();
}

TEST_F(Streams, MemoryHasALimitAndFailsWhenToldTo) {
  size_t available = 0, total = 0;
  ASSERT_EQ(cudaMemGetInfo(&available, &total), cudaSuccess);
  limit_memory(static_cast<int64_t>(total - available) + 1024);  // 512 bytes are the least that is taken
  void* block = nullptr;
  EXPECT_EQ(cudaMalloc(&block, 1025), cudaErrorMemoryAllocation);
  EXPECT_EQ(block, nullptr);
  EXPECT_EQ(cudaPeekAtLastError(), cudaErrorMemoryAllocation);
  EXPECT_EQ(cudaGetLastError(), cudaErrorMemoryAllocation);
  EXPECT_EQ(cudaGetLastError(), cudaSuccess);
  EXPECT_EQ(cudaMalloc(&block, 1000), cudaSuccess);
  EXPECT_EQ(cudaFree(block), cudaSuccess);
  // From 1 MiB on, pages of 2 MiB.
  limit_memory(static_cast<int64_t>(total - available) + (3 << 20));
  EXPECT_EQ(cudaMalloc(&block, (2 << 20) + 1), cudaErrorMemoryAllocation);
  EXPECT_EQ(cudaMalloc(&block, 1 << 20), cudaSuccess);
  size_t left = 0, limit = 0;
  EXPECT_EQ(cudaMemGetInfo(&left, &limit), cudaSuccess);
  EXPECT_EQ(left, size_t{1} << 20);
  EXPECT_EQ(cudaFree(block), cudaSuccess);
  cudaGetLastError();
  limit_memory(static_cast<int64_t>(total));

  fail_allocation(1);
  void* more[3] = {};
  EXPECT_EQ(cudaMalloc(&more[0], 8), cudaSuccess);
  EXPECT_EQ(cudaMalloc(&more[1], 8), cudaErrorMemoryAllocation);
  EXPECT_EQ(cudaMalloc(&more[2], 8), cudaSuccess) << "once";
  for (void* each : more) EXPECT_EQ(cudaFree(each), cudaSuccess);
  cudaGetLastError();
}

TEST_F(Streams, AFailedKernelLosesTheDevice) {
  const Buffer<float> x(32, 5.0f), y(32, 0.0f);
  fail_launch(1);
  faulty::start_copy(stream, 1, 32, x.data(), y.data());
  faulty::start_copy(stream, 1, 32, x.data(), y.data());
  EXPECT_EQ(cudaPeekAtLastError(), cudaSuccess) << "not known yet";
  EXPECT_EQ(cudaStreamSynchronize(stream), cudaErrorLaunchFailure);
  cudaStream_t none = nullptr;
  EXPECT_EQ(cudaStreamCreate(&none), cudaErrorLaunchFailure);
  EXPECT_EQ(cudaGetLastError(), cudaErrorLaunchFailure);
  EXPECT_EQ(cudaGetLastError(), cudaErrorLaunchFailure) << "for good";
}

TEST_F(Streams, DevicesAreCounted) {
  int count = 0, device = -1;
  EXPECT_EQ(cudaGetDeviceCount(&count), cudaSuccess);
  EXPECT_EQ(count, 1);
  EXPECT_EQ(cudaSetDevice(1), cudaErrorInvalidDevice);
  EXPECT_EQ(cudaGetDevice(&device), cudaSuccess);
  EXPECT_EQ(device, 0);
  cudaGetLastError();
}

// d = 2 a^T b + c, column-major: a [3,2], b [3,2].
TEST_F(Streams, CublasLtMultiplies) {
  const Buffer<float> a(std::vector<float>{1, 2, 3, 4, 5, 6}), b(std::vector<float>{1, 0, 1, 0, 1, 0});
  const Buffer<float> d(4, 10.0f), workspace(64);
  cublasLtHandle_t handle = nullptr;
  cublasLtMatmulDesc_t desc = nullptr;
  cublasLtMatrixLayout_t operand = nullptr, result = nullptr;
  ASSERT_EQ(cublasLtCreate(&handle), CUBLAS_STATUS_SUCCESS);
  ASSERT_EQ(cublasLtMatmulDescCreate(&desc, CUBLAS_COMPUTE_32F, CUDA_R_32F), CUBLAS_STATUS_SUCCESS);
  const cublasOperation_t transposed = CUBLAS_OP_T;
  cublasLtMatmulDescSetAttribute(desc, CUBLASLT_MATMUL_DESC_TRANSA, &transposed, sizeof transposed);
  ASSERT_EQ(cublasLtMatrixLayoutCreate(&operand, CUDA_R_32F, 3, 2, 3), CUBLAS_STATUS_SUCCESS);
  ASSERT_EQ(cublasLtMatrixLayoutCreate(&result, CUDA_R_32F, 2, 2, 2), CUBLAS_STATUS_SUCCESS);
  const float alpha = 2, beta = 1;
  const auto multiply = [&](const void* left) {
    return cublasLtMatmul(handle, desc, &alpha, left, operand, b.data(), operand, &beta, d.data(), result,
                          d.data(), result, nullptr, nullptr, 0, stream);
  };
  EXPECT_EQ(multiply(a.data()), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(multiply(a.data() + 1), CUBLAS_STATUS_INVALID_VALUE) << "past the end of a";
  ASSERT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
  EXPECT_EQ(d.read(), (std::vector<float>{10 + 2 * 4, 10 + 2 * 10, 10 + 2 * 2, 10 + 2 * 5}));
  cublasLtMatrixLayoutDestroy(operand);
  cublasLtMatrixLayoutDestroy(result);
  cublasLtMatmulDescDestroy(desc);
  cublasLtDestroy(handle);
}

}  // namespace
}  // namespace cuda_emulator
