// cuDNN's attention (lib/cuda/cudnn_attention.h) on the emulated GPU and the emulated cuDNN: graphs, names and
// addresses of tensors, documents' places, rounded sizes, and that a failure of the library leaves the work to own
// kernels.
#include <cstdlib>
#include <string>
#include <vector>

#include "base/log.h"
#include "cuda/bf16_attention.h"
#include "cuda/cuda_device.h"
#include "cuda/cudnn.h"
#include "cuda/cudnn_attention.h"

namespace peft::cuda {
namespace {

using peft::testing::AttentionProblem;
using peft::testing::AttentionResult;
using peft::testing::reference_attention;
using peft::testing::worst_error;

// Of the largest number. Sums are f32 of exact products: lse as with f32 (attention_test.cpp). out: weights and the
// result are rounded to bf16, half a unit of 2^-8 each, and no weighted mean is above the largest value.
constexpr double lse_bound = 4e-6, out_bound = 0x1p-7;
// Beside weights and results, gradients of weights are rounded, and `out`, of which each is a sum with dout of up to 64
// columns, and gradients of grouped heads before they are added.
constexpr double gradient_bound = 0x1p-5;

class DeviceMemory final : public MemorySource {
 public:
  std::byte* allocate(int64_t bytes) override { return allocate_memory(0, bytes); }
  void release(std::byte* block, int64_t) noexcept override { release_memory(0, block); }
};

class EmulatedCudnn : public ::testing::Test {
 protected:
  void SetUp() override {
    set_log_level(LogLevel::info);
    set_log_sink([this](const LogRecord& record) { lines_.push_back(record.message); });
    make_backend();
  }
  void TearDown() override {
    unsetenv("CUDNN_EMULATED_FAULT");
    unsetenv("LIBPEFT_CUDNN");
    set_log_sink({});
    set_log_level(LogLevel::off);
  }

  void make_backend() {
    auto made = std::make_unique<CudaBackend>(device_properties(0), std::make_shared<DeviceMemory>(), nullptr);
    backend = made.get();
    context = std::make_unique<Context>(std::move(made));
  }
  int count_lines(const std::string& part) const {
    int count = 0;
    for (const std::string& line : lines_) count += line.find(part) != std::string::npos;
    return count;
  }

  bool forward(HalfAttention& call, bool with_lse = true) {
    const AttentionOptions& options = call.problem.options;
    FloatMatrix scratch = call.scratch_of(
        attend_cudnn_scratch(*backend, options, call.q.view().shape, call.k.view().shape, DType::bf16));
    const bool taken =
        attend_cudnn(*backend, options, call.q.view(), call.k.view(), call.v.view(), call.segments.view(),
                     call.out.view(), with_lse ? call.lse.view() : View(), scratch.view());
    backend->synchronize();
    EXPECT_TRUE(scratch.guards_intact());
    return taken;
  }
  bool backward(HalfAttention& call) {
    const AttentionOptions& options = call.problem.options;
    FloatMatrix scratch = call.scratch_of(
        attend_cudnn_backward_scratch(*backend, options, call.q.view().shape, call.k.view().shape, DType::bf16));
    const bool taken = attend_cudnn_backward(*backend, options, call.q.view(), call.k.view(), call.v.view(),
                                             call.segments.view(), call.out.view(), call.lse.view(), call.dout.view(),
                                             call.dq.view(), call.dk.view(), call.dv.view(), scratch.view());
    backend->synchronize();
    EXPECT_TRUE(scratch.guards_intact());
    return taken;
  }
  void expect_matches_reference(AttentionProblem& problem, int64_t gap = 0) {
    round_to_half(problem);
    const AttentionResult expected = reference_attention(problem);
    HalfAttention call(*context, problem, gap);
    ASSERT_TRUE(forward(call));
    EXPECT_LT(worst_error(floats(call.out), expected.out), out_bound);
    EXPECT_LT(worst_error(floats(call.lse), expected.lse), lse_bound);
    ASSERT_TRUE(backward(call));
    EXPECT_LT(worst_error(floats(call.dq), expected.dq), gradient_bound);
    EXPECT_LT(worst_error(floats(call.dk), expected.dk), gradient_bound);
    EXPECT_LT(worst_error(floats(call.dv), expected.dv), gradient_bound);
    EXPECT_TRUE(call.guards_intact());
  }

  CudaBackend* backend = nullptr;
  std::unique_ptr<Context> context;

 private:
  std::vector<std::string> lines_;
};

TEST_F(EmulatedCudnn, IsFoundAndSaysSo) {
  EXPECT_TRUE(backend->cudnn().available());
  EXPECT_GE(cudnn().version(), 91900u);
}

TEST_F(EmulatedCudnn, OneDocument) {
  AttentionProblem causal(2, 2, 16, 600, 600, {{0, 600, 0, 600}});
  expect_matches_reference(causal);
  AttentionProblem whole(2, 2, 8, 513, 640, {{0, 513, 0, 640}});
  whole.options.causal = false;
  expect_matches_reference(whole);
}

// Three documents of four, with tokens of none between and behind them, in rows with gaps.
TEST_F(EmulatedCudnn, DocumentsOfOtherLengthsAndGroupedHeads) {
  AttentionProblem problem(4, 2, 16, 768, 770, {{2, 200, 5, 200}, {210, 0, 230, 0}, {210, 550, 240, 520}});
  expect_matches_reference(problem, 8);
}

// Keys of a cache before the queries, of which a window leaves some unseen.
TEST_F(EmulatedCudnn, WindowsAndPrefixes) {
  for (const int32_t window : {1, 70, 256, 5000}) {
    SCOPED_TRACE(window);
    AttentionProblem problem(2, 1, 8, 512, 760, {{0, 252, 0, 400}, {252, 260, 400, 360}});
    problem.options.window = window;
    expect_matches_reference(problem);
  }
}

// lse is minus infinity there, and nothing of it may reach the gradients.
TEST_F(EmulatedCudnn, QueriesBeforeTheFirstKeySeeNothing) {
  AttentionProblem problem(2, 1, 8, 700, 512, {{0, 600, 0, 512}, {600, 100, 512, 0}});
  expect_matches_reference(problem);
}

// Heads in turns (the emulated module takes 12 MiB of workspace at most), and more than fit at all.
TEST_F(EmulatedCudnn, WorkspaceIsBounded) {
  AttentionProblem problem(12, 6, 8, 520, 700, {{0, 520, 0, 700}});
  const AttentionOptions& options = problem.options;
  const Shape q{520, 96}, k{700, 48};
  EXPECT_LT(attend_cudnn_backward_scratch(*backend, options, q, k, DType::bf16), int64_t{12} << 20);
  expect_matches_reference(problem);
  EXPECT_EQ(count_lines("backward, 1 x 6 heads"), 1);

  const Shape long_q{2000, 96}, long_k{2000, 48};
  EXPECT_GT(attend_cudnn_scratch(*backend, options, long_q, long_k, DType::bf16), 0);
  EXPECT_EQ(attend_cudnn_backward_scratch(*backend, options, long_q, long_k, DType::bf16), 0);
}

TEST_F(EmulatedCudnn, PlansAreForRoundedSizes) {
  for (const int32_t tokens : {769, 900, 1024}) {
    AttentionProblem problem(1, 1, 8, tokens, tokens,
                             {{0, 256, 0, 256}, {256, 1, 256, 1}, {257, tokens - 257, 257, tokens - 257}});
    HalfAttention call(*context, problem);
    ASSERT_TRUE(forward(call));
  }
  EXPECT_EQ(count_lines("forward, 4 x 1 heads of 8 columns, 1024 queries, 1024 keys: cuDNN, workspace"), 1);
  EXPECT_EQ(count_lines("attention forward"), 1);
}

TEST_F(EmulatedCudnn, LseIsOptional) {
  AttentionProblem problem(1, 1, 8, 512, 512, {{0, 512, 0, 512}});
  HalfAttention call(*context, problem);
  ASSERT_TRUE(forward(call, /*with_lse=*/false));
  EXPECT_EQ(call.lse.at(0, 0), 99);
}

TEST_F(EmulatedCudnn, TwoRunsGiveTheSameBits) {
  AttentionProblem problem(4, 2, 16, 600, 600, {{0, 300, 0, 300}, {300, 300, 300, 300}});
  round_to_half(problem);
  HalfAttention first(*context, problem), second(*context, problem);
  for (HalfAttention* call : {&first, &second}) ASSERT_TRUE(forward(*call) && backward(*call));
  EXPECT_TRUE(first.out.same_bits(second.out));
  EXPECT_TRUE(first.dq.same_bits(second.dq));
  EXPECT_TRUE(first.dk.same_bits(second.dk));
  EXPECT_TRUE(first.dv.same_bits(second.dv));
}

TEST_F(EmulatedCudnn, WhatItDoesNotTake) {
  const auto taken = [&](AttentionProblem problem, int64_t gap = 0) {
    HalfAttention call(*context, problem, gap);
    const bool result = forward(call);
    if (!result) {
      EXPECT_EQ(call.lse.at(0, 0), 99);  // nothing was done
    }
    return result;
  };
  EXPECT_TRUE(taken(AttentionProblem(1, 1, 8, 512, 512, {{0, 512, 0, 512}})));
  EXPECT_FALSE(taken(AttentionProblem(1, 1, 8, 511, 512, {{0, 511, 0, 512}})));         // few tokens
  EXPECT_FALSE(taken(AttentionProblem(1, 1, 12, 512, 512, {{0, 512, 0, 512}})));        // no vectors of 16 bytes
  EXPECT_FALSE(taken(AttentionProblem(1, 1, 8, 512, 512, {{0, 512, 0, 512}}), 4));      // nor between rows
  EXPECT_FALSE(taken(AttentionProblem(1, 1, 264, 512, 512, {{0, 512, 0, 512}})));       // wide heads
  EXPECT_FALSE(taken(AttentionProblem(1, 1, 8, 512, 512, {})));                         // no document
  EXPECT_FALSE(taken(AttentionProblem(1, 1, 8, 512, 512, {{0, 100, 0, 100}, {100, 100, 100, 100}, {200, 9, 200, 9}})));
  AttentionProblem two_sided(1, 1, 8, 512, 512, {{0, 512, 0, 512}});
  two_sided.options.causal = false;
  two_sided.options.window = 9;
  EXPECT_FALSE(taken(two_sided));
  const AttentionOptions& options = two_sided.options;
  EXPECT_EQ(attend_cudnn_scratch(*backend, options, Shape{512, 8}, Shape{512, 8}, DType::f32), 0);
}

TEST_F(EmulatedCudnn, IsNotUsedWhereTheEnvironmentSaysSo) {
  setenv("LIBPEFT_CUDNN", "", 1);
  make_backend();
  EXPECT_FALSE(backend->cudnn().available());
  AttentionProblem problem(1, 1, 8, 512, 512, {{0, 512, 0, 512}});
  HalfAttention call(*context, problem);
  EXPECT_FALSE(forward(call));
  setenv("LIBPEFT_CUDNN", "/nowhere/libcudnn.so.9", 1);
  EXPECT_EQ(cudnn_places(), std::vector<std::string>{"/nowhere/libcudnn.so.9"});
}

TEST_F(EmulatedCudnn, WithoutAPlanOthersAreTried) {
  AttentionProblem problem(1, 1, 8, 512, 512, {{0, 512, 0, 512}});
  HalfAttention call(*context, problem);
  setenv("CUDNN_EMULATED_FAULT", "plan", 1);
  EXPECT_FALSE(forward(call));
  unsetenv("CUDNN_EMULATED_FAULT");
  EXPECT_FALSE(forward(call));  // as long as the backend lives: results do not change in its midst
  EXPECT_TRUE(backend->cudnn().available());
  EXPECT_EQ(count_lines("cuDNN has no plan"), 1);
  EXPECT_TRUE(backward(call));
}

TEST_F(EmulatedCudnn, AfterAnErrorItIsNotUsedAgain) {
  AttentionProblem problem(1, 1, 8, 512, 512, {{0, 512, 0, 512}});
  HalfAttention call(*context, problem);
  ASSERT_TRUE(forward(call));
  setenv("CUDNN_EMULATED_FAULT", "execute", 1);
  EXPECT_FALSE(backward(call));
  EXPECT_EQ(count_lines("cuDNN failed: cudnnBackendExecute: CUDNN_STATUS_EXECUTION_FAILED: a test wants it so"), 1);
  unsetenv("CUDNN_EMULATED_FAULT");
  EXPECT_FALSE(forward(call));
  EXPECT_FALSE(backward(call));
  EXPECT_FALSE(backend->cudnn().available());
  EXPECT_EQ(attend_cudnn_scratch(*backend, problem.options, Shape{512, 8}, Shape{512, 8}, DType::bf16), 0);
  EXPECT_EQ(count_lines("cuDNN failed"), 1);
}

}  // namespace
}  // namespace peft::cuda
