// Attention of bf16 activations as a backend does it by itself, and as it does it with kernels of our own alone: where
// cuDNN is there, the two are compared.
#include <cstdlib>
#include <string>

#include "base/log.h"
#include "cuda/bf16_attention.h"

namespace peft {
namespace {

using testing::AttentionProblem;

// Largest difference against the largest magnitude.
double difference(const HalfMatrix& a, const HalfMatrix& b) {
  double worst = 0, size = 0;
  for (int64_t r = 0; r < a.rows(); ++r)
    for (int64_t c = 0; c < a.columns(); ++c) {
      const auto x = static_cast<double>(from_half(a.at(r, c))), y = static_cast<double>(from_half(b.at(r, c)));
      if (!(std::abs(x - y) <= worst)) worst = std::abs(x - y);  // NaN stays
      size = std::max(size, std::abs(y));
    }
  return worst / size;
}

class CudnnBesideOwnKernels : public DeviceTest {
 protected:
  void SetUp() override {
    DeviceTest::SetUp();
    if (!context->backend().bfloat16_activations()) GTEST_SKIP() << "no bf16 activations on " << GetParam();
    set_log_level(LogLevel::info);
    set_log_sink([this](const LogRecord& record) {
      if (record.message.find("cuDNN, workspace") != std::string::npos) ++plans_;
    });
    const char* given = std::getenv("LIBPEFT_CUDNN");
    const std::string before = given ? given : "";
    setenv("LIBPEFT_CUDNN", "", 1);
    own = make_context();
    given ? setenv("LIBPEFT_CUDNN", before.c_str(), 1) : unsetenv("LIBPEFT_CUDNN");
  }
  void TearDown() override {
    set_log_sink({});
    set_log_level(LogLevel::off);
  }

  static void run(HalfAttention& call) {
    Backend& backend = call.context.backend();
    const AttentionOptions& options = call.problem.options;
    const Shape q = call.q.view().shape, k = call.k.view().shape;
    FloatMatrix scratch = call.scratch_of(backend.attention_scratch(options, q, k, DType::bf16));
    backend.attention(options, call.q.view(), call.k.view(), call.v.view(), call.segments.view(), call.out.view(),
                      call.lse.view(), scratch.view());
    FloatMatrix more = call.scratch_of(backend.attention_backward_scratch(options, q, k, DType::bf16));
    backend.attention_backward(options, call.q.view(), call.k.view(), call.v.view(), call.segments.view(),
                               call.out.view(), call.lse.view(), call.dout.view(), call.dq.view(), call.dk.view(),
                               call.dv.view(), more.view());
    backend.synchronize();
    EXPECT_TRUE(scratch.guards_intact());
    EXPECT_TRUE(more.guards_intact());
    EXPECT_TRUE(call.guards_intact());
  }
  void expect_same(AttentionProblem& problem, int64_t gap = 0) {
    round_to_half(problem);
    HalfAttention one(*context, problem, gap), other(*own, problem, gap);
    run(one);
    run(other);
    // Twice what each is allowed beside the exact result (emulated_cudnn_test.cpp).
    EXPECT_LT(difference(one.out, other.out), 0x1p-6);
    EXPECT_LT(difference(one.dq, other.dq), 0x1p-4);
    EXPECT_LT(difference(one.dk, other.dk), 0x1p-4);
    EXPECT_LT(difference(one.dv, other.dv), 0x1p-4);
    for (int64_t r = 0; r < one.lse.rows(); ++r)
      for (int64_t c = 0; c < one.lse.columns(); ++c)
        if (one.lse.at(r, c) != other.lse.at(r, c)) {
          ASSERT_NEAR(one.lse.at(r, c), other.lse.at(r, c), 2e-4) << r << " " << c;  // scores near 10 of 128 products
        }
    HalfAttention again(*context, problem, gap);
    run(again);
    EXPECT_TRUE(again.out.same_bits(one.out) && again.dq.same_bits(one.dq) && again.dk.same_bits(one.dk) &&
                again.dv.same_bits(one.dv));
    if (plans_ == 0) GTEST_SKIP() << "cuDNN is not there: own kernels were compared with themselves";
    EXPECT_EQ(plans_, 2);
  }

  std::unique_ptr<Context> own;

 private:
  int plans_ = 0;
};
INSTANTIATE_TEST_SUITE_P(Devices, CudnnBesideOwnKernels, every_device());

TEST_P(CudnnBesideOwnKernels, Documents) {
  AttentionProblem problem(4, 2, 64, 800, 800, {{0, 300, 0, 300}, {310, 0, 310, 0}, {310, 450, 310, 450}});
  expect_same(problem, 8);
}
TEST_P(CudnnBesideOwnKernels, OneDocument) {
  AttentionProblem problem(2, 2, 128, 512, 512, {{0, 512, 0, 512}});
  expect_same(problem);
}
TEST_P(CudnnBesideOwnKernels, WindowAndPrefix) {
  AttentionProblem problem(4, 1, 64, 520, 900, {{0, 260, 0, 500}, {260, 260, 500, 400}});
  problem.options.window = 100;
  expect_same(problem);
}
TEST_P(CudnnBesideOwnKernels, NotCausal) {
  AttentionProblem problem(2, 1, 64, 520, 640, {{0, 520, 0, 640}});
  problem.options.causal = false;
  expect_same(problem);
}
TEST_P(CudnnBesideOwnKernels, QueriesThatSeeNothing) {
  AttentionProblem problem(2, 1, 64, 700, 512, {{0, 600, 0, 512}, {600, 100, 512, 0}});
  expect_same(problem);
}

}  // namespace
}  // namespace peft
