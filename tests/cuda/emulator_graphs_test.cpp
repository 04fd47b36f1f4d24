// Kernels by their address and graphs of the emulated GPU: what CUDA promises of them, and what it refuses.
#include "cuda/emulator_kernels.h"
#include "cuda/emulator_support.h"

namespace cuda_emulator {
namespace {

// The names of CUDA's members are macros here.
cudaKernelNodeParams params_of(const void* kernel, void** arguments) {
  return {const_cast<void*>(kernel), dim3(1), dim3(1), 0, arguments, nullptr};
}

class Graphs : public EmulatorTest {
 protected:
  void SetUp() override {
    EmulatorTest::SetUp();
    ASSERT_EQ(cudaGraphCreate(&graph, 0), cudaSuccess);
  }
  void TearDown() override {
    fail_graph(-1);
    recover();
    if (exec) {
      EXPECT_EQ(cudaGraphExecDestroy(exec), cudaSuccess);
    }
    if (graph) {
      EXPECT_EQ(cudaGraphDestroy(graph), cudaSuccess);
    }
    EmulatorTest::TearDown();
  }
  cudaGraphNode_t add(const void* kernel, float* target, cudaGraphNode_t after = nullptr) {
    void* arguments[] = {&target};
    const cudaKernelNodeParams params = params_of(kernel, arguments);
    cudaGraphNode_t node = nullptr;
    EXPECT_EQ(cudaGraphAddKernelNode(&node, graph, after ? &after : nullptr, after ? 1 : 0, &params), cudaSuccess);
    return node;
  }
  cudaError_t update(cudaGraphNode_t node, const void* kernel, float* target) {
    void* arguments[] = {&target};
    const cudaKernelNodeParams params = params_of(kernel, arguments);
    return cudaGraphExecKernelNodeSetParams(exec, node, &params);
  }

  const void* const increment = faulty::increment_kernel_address();
  const void* const triple = faulty::triple_kernel_address();
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t exec = nullptr;
  const Buffer<float> y{2, 1.0f};
};

TEST_F(Graphs, KernelsAreStartedByTheirAddress) {
  float* target = y.data();
  void* arguments[] = {&target};
  EXPECT_EQ(cudaLaunchKernel(increment, dim3(1), dim3(1), arguments, 0, stream), cudaSuccess);
  target = nullptr;  // it has been copied
  EXPECT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
  EXPECT_EQ(y.read()[0], 2.0f);
  EXPECT_EQ(cudaLaunchKernel(&target, dim3(1), dim3(1), arguments, 0, stream), cudaErrorInvalidDeviceFunction);
  EXPECT_EQ(cudaLaunchKernel(increment, dim3(1), dim3(2048), arguments, 0, stream), cudaErrorInvalidConfiguration);
  EXPECT_EQ(cudaLaunchKernel(increment, dim3(1), dim3(1), arguments, 50 << 10, stream), cudaErrorInvalidValue);
  EXPECT_EQ(cudaFuncSetAttribute(increment, cudaFuncAttributeMaxDynamicSharedMemorySize, 50 << 10), cudaSuccess);
  target = y.data();
  EXPECT_EQ(cudaLaunchKernel(increment, dim3(1), dim3(1), arguments, 50 << 10, stream), cudaSuccess);
  EXPECT_EQ(cudaFuncSetAttribute(increment, cudaFuncAttributeMaxDynamicSharedMemorySize, 1 << 20),
            cudaErrorInvalidValue);
  cudaGetLastError();
}

TEST_F(Graphs, RunInTheOrderOfTheirDependencies) {
  add(increment, y.data(), add(triple, y.data(), add(increment, y.data())));
  ASSERT_EQ(cudaGraphInstantiate(&exec, graph, 0), cudaSuccess);
  const Counts before = counts();
  for (int i = 0; i < 2; ++i) EXPECT_EQ(cudaGraphLaunch(exec, stream), cudaSuccess);
  EXPECT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
  EXPECT_EQ(y.read()[0], ((1 + 1) * 3 + 1 + 1) * 3 + 1);
  EXPECT_EQ(counts().launches - before.launches, 6);
  EXPECT_EQ(counts().graph_launches - before.graph_launches, 2);
  EXPECT_EQ(counts().direct_launches, before.direct_launches);
}

TEST_F(Graphs, AForgottenDependencyIsSeen) {
  add(increment, y.data());
  add(triple, y.data());
  ASSERT_EQ(cudaGraphInstantiate(&exec, graph, 0), cudaSuccess);
  int right = 0, wrong = 0;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    shuffle(seed);
    const float one = 1.0f;
    EXPECT_EQ(cudaMemcpy(y.data(), &one, sizeof one, cudaMemcpyHostToDevice), cudaSuccess);
    EXPECT_EQ(cudaGraphLaunch(exec, stream), cudaSuccess);
    EXPECT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
    (y.read()[0] == 6.0f ? right : wrong) += 1;
  }
  EXPECT_GE(right, 3);
  EXPECT_GE(wrong, 3);
}

TEST_F(Graphs, AnUpdateIsForLaterLaunches) {
  const cudaGraphNode_t node = add(increment, y.data());
  ASSERT_EQ(cudaGraphInstantiate(&exec, graph, 0), cudaSuccess);
  EXPECT_EQ(cudaGraphLaunch(exec, stream), cudaSuccess);
  EXPECT_EQ(update(node, increment, y.data() + 1), cudaSuccess);
  EXPECT_EQ(cudaGraphLaunch(exec, stream), cudaSuccess);
  EXPECT_EQ(cudaGraphLaunch(exec, stream), cudaSuccess);
  EXPECT_EQ(cudaGraphExecDestroy(exec), cudaSuccess);  // what was launched goes on
  exec = nullptr;
  EXPECT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
  EXPECT_EQ(y.read(), (std::vector<float>{2, 3}));
}

// On two streams, of which the second may overtake.
TEST_F(Graphs, LaunchesOfOneGraphDoNotOverlap) {
  add(triple, y.data(), add(increment, y.data()));
  ASSERT_EQ(cudaGraphInstantiate(&exec, graph, 0), cudaSuccess);
  cudaStream_t other = nullptr;
  ASSERT_EQ(cudaStreamCreateWithFlags(&other, cudaStreamNonBlocking), cudaSuccess);
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    shuffle(seed);
    const float one = 1.0f;
    EXPECT_EQ(cudaMemcpy(y.data(), &one, sizeof one, cudaMemcpyHostToDevice), cudaSuccess);
    EXPECT_EQ(cudaGraphLaunch(exec, stream), cudaSuccess);
    EXPECT_EQ(cudaGraphLaunch(exec, other), cudaSuccess);
    EXPECT_EQ(cudaDeviceSynchronize(), cudaSuccess);
    EXPECT_EQ(y.read()[0], ((1 + 1) * 3 + 1) * 3) << seed;
  }
  EXPECT_EQ(cudaStreamDestroy(other), cudaSuccess);
}

TEST_F(Graphs, MisuseIsRefused) {
  const cudaGraphNode_t node = add(increment, y.data());
  ASSERT_EQ(cudaGraphInstantiate(&exec, graph, 0), cudaSuccess);
  EXPECT_EQ(update(node, triple, y.data()), cudaErrorInvalidValue) << "another kernel";
  const cudaGraphNode_t late = add(increment, y.data());
  EXPECT_EQ(update(late, increment, y.data()), cudaErrorInvalidValue) << "a node that it was not made from";
  cudaGraph_t other = nullptr;
  ASSERT_EQ(cudaGraphCreate(&other, 0), cudaSuccess);
  float* target = y.data();
  void* arguments[] = {&target};
  cudaKernelNodeParams params = params_of(increment, arguments);
  cudaGraphNode_t made = nullptr;
  EXPECT_EQ(cudaGraphAddKernelNode(&made, other, &node, 1, &params), cudaErrorInvalidValue) << "of another graph";
  params = params_of(&target, arguments);
  EXPECT_EQ(cudaGraphAddKernelNode(&made, other, nullptr, 0, &params), cudaErrorInvalidDeviceFunction);
  EXPECT_EQ(cudaGraphDestroy(other), cudaSuccess);
  EXPECT_EQ(cudaGraphDestroy(other), cudaErrorInvalidValue);
  EXPECT_EQ(cudaGraphDestroy(graph), cudaSuccess);
  graph = nullptr;
  EXPECT_EQ(update(node, increment, y.data()), cudaErrorInvalidValue) << "its graph is gone";
  EXPECT_EQ(cudaGraphLaunch(exec, stream), cudaSuccess) << "which the instantiated one outlives";
  EXPECT_EQ(cudaGraphExecDestroy(exec), cudaSuccess);
  EXPECT_EQ(cudaGraphLaunch(exec, stream), cudaErrorInvalidValue);
  exec = nullptr;
  cudaGetLastError();
}

TEST_F(Graphs, CallsFailWhenAsked) {
  const cudaGraphNode_t node = add(increment, y.data());
  fail_graph(1);
  ASSERT_EQ(cudaGraphInstantiate(&exec, graph, 0), cudaSuccess);
  EXPECT_EQ(cudaGraphLaunch(exec, stream), cudaErrorNotSupported);
  EXPECT_EQ(cudaGraphLaunch(exec, stream), cudaSuccess) << "once";
  fail_launch(0);
  EXPECT_EQ(cudaStreamSynchronize(stream), cudaErrorLaunchFailure);
  EXPECT_EQ(cudaGraphLaunch(exec, stream), cudaErrorLaunchFailure);
  EXPECT_EQ(update(node, increment, y.data()), cudaErrorLaunchFailure);
}

}  // namespace
}  // namespace cuda_emulator
