#include "autograd/tape.h"

#include <gmock/gmock.h>

#include "ops/elementwise.h"
#include "ops/linear.h"
#include "ops/reduce.h"
#include "support/device.h"

namespace peft {
namespace {

class TapeTest : public DeviceTest {
 protected:
  Tensor constant(float value) { return context->from_host(std::vector<float>(6, value), {2, 3}); }
  std::vector<float> host(const Tensor& tensor) { return context->to_host(tensor); }
};
INSTANTIATE_TEST_SUITE_P(Devices, TapeTest, every_device());

TEST_P(TapeTest, FirstContributionIsTakenOver) {
  GradTarget target;
  const Tensor gradient = constant(1);
  contribute(*context, target, gradient);
  EXPECT_EQ(target.gradient.storage(), gradient.storage());
}

TEST_P(TapeTest, LaterContributionsAddInPlaceWhenTheBufferIsTheTargetsOwn) {
  GradTarget target;
  contribute(*context, target, constant(1));
  const Storage* buffer = target.gradient.storage().get();
  contribute(*context, target, constant(2));
  EXPECT_EQ(target.gradient.storage().get(), buffer);
  EXPECT_EQ(host(target.gradient), std::vector<float>(6, 3));
  contribute(*context, target, {2, 3}, [&](View destination, bool accumulate) {
    EXPECT_TRUE(accumulate);
    EXPECT_EQ(destination.data, target.gradient.view().data);
  });
}

TEST_P(TapeTest, ASharedBufferIsNeverWritten) {
  GradTarget one, two;
  const Tensor gradient = constant(1);
  contribute(*context, one, gradient);
  contribute(*context, two, gradient);
  contribute(*context, one, constant(2));
  contribute(*context, two, {2, 3}, [&](View destination, bool accumulate) {
    EXPECT_TRUE(accumulate);
    context->backend().scale(1.0f, constant(4).const_view(), true, destination);
  });
  EXPECT_EQ(host(gradient), std::vector<float>(6, 1));
  EXPECT_EQ(host(one.gradient), std::vector<float>(6, 3));
  EXPECT_EQ(host(two.gradient), std::vector<float>(6, 5));
}

TEST_P(TapeTest, LeavesSumUpInTheirOwnBuffer) {
  Tensor leaf = constant(2);
  const Tensor gradient = context->zeros({2, 3});
  make_leaf(leaf, gradient);
  for (int step = 1; step <= 3; ++step) {
    Tape tape;
    const TapeScope scope(*context, &tape);
    tape.backward(*context, sum(*context, multiply(*context, leaf, leaf)));
    EXPECT_EQ(host(gradient), std::vector<float>(6, 4.0f * static_cast<float>(step)));
  }
  EXPECT_EQ(leaf.grad()->gradient.storage(), gradient.storage());
}

TEST_P(TapeTest, AParametersGradientMustFit) {
  Tensor leaf = constant(2);
  EXPECT_THROW(make_leaf(leaf, context->zeros({3, 2})), Error);
  EXPECT_THROW(make_leaf(leaf, Tensor()), Error);
  EXPECT_THROW(make_leaf(leaf, context->zeros({2, 3}, DType::bf16)), Error);
}

TEST_P(TapeTest, NothingIsRecordedWithoutTapeOrGradient) {
  Tensor leaf = random_leaf({2, 3});
  EXPECT_FALSE(add(*context, leaf, leaf).requires_grad());
  Tape tape;
  const TapeScope scope(*context, &tape);
  const Tensor frozen = constant(1);
  EXPECT_FALSE(add(*context, frozen, frozen).requires_grad());
  EXPECT_EQ(tape.size(), 0u);
  EXPECT_TRUE(add(*context, frozen, leaf).requires_grad());
  EXPECT_EQ(tape.size(), 1u);
}

TEST_P(TapeTest, ARootWithoutGradientIsAnError) {
  Tape tape;
  EXPECT_THROW(tape.backward(*context, constant(1)), Error);
  const Tensor leaf = random_leaf({2, 3});
  const TapeScope scope(*context, &tape);
  const Tensor y = scale(*context, leaf, 2.0f);
  EXPECT_THROW(tape.backward(*context, y, context->zeros({3, 2})), Error);
  EXPECT_EQ(tape.size(), 0u);
}

TEST_P(TapeTest, BranchesThatDoNotReachTheRootAreSkipped) {
  Tape tape;
  const TapeScope scope(*context, &tape);
  const Tensor leaf = random_leaf({2, 3}), other = random_leaf({2, 3});
  const Tensor used = scale(*context, leaf, 2.0f);
  const Tensor unused = multiply(*context, other, leaf);
  tape.backward(*context, used);
  EXPECT_EQ(host(leaf.grad()->gradient), std::vector<float>(6, 2));
  EXPECT_EQ(host(other.grad()->gradient), std::vector<float>(6, 0));
}

// What ops kept goes back to the pool as the walk passes, so its peak is two gradients above what the forward
// left.
TEST_P(TapeTest, MemoryReturnsDuringTheWalk) {
  Tape tape;
  const TapeScope scope(*context, &tape);
  const int64_t bytes = 64 * 64 * 4;
  const Tensor leaf = random_leaf({64, 64});
  const int64_t start = context->pool().statistics().used;
  Tensor x = scale(*context, leaf, 1.0f);
  for (int i = 0; i < 10; ++i) x = unary(*context, UnaryKind::tanh, x);
  EXPECT_EQ(context->pool().statistics().used - start, 11 * bytes);
  const int64_t before = context->pool().statistics().used;
  context->pool().reset_peak();
  tape.backward(*context, x);
  EXPECT_LE(context->pool().statistics().peak_used, before + 2 * bytes);
  x = Tensor();
  EXPECT_EQ(context->pool().statistics().used, start);
}

TEST_P(TapeTest, CancellationEndsTheWalkAndFreesEverything) {
  const Tensor leaf = random_leaf({64, 64});
  const int64_t before = context->pool().statistics().used;
  CancelToken token;
  context->cancel = &token;
  Tape tape;
  {
    const TapeScope scope(*context, &tape);
    const Tensor y = unary(*context, UnaryKind::tanh, scale(*context, leaf, 1.0f));
    token.signal();
    try {
      tape.backward(*context, y);
      FAIL();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::cancelled);
    }
  }
  EXPECT_EQ(tape.size(), 0u);
  EXPECT_EQ(context->pool().statistics().used, before);
  EXPECT_EQ(context->tape, nullptr);
}

}  // namespace
}  // namespace peft
