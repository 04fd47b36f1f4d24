#include "autograd/checkpoint.h"

#include "ops/elementwise.h"
#include "ops/linear.h"
#include "ops/reduce.h"
#include "support/device.h"
#include "support/expect_error.h"

namespace peft {
namespace {

class Checkpoint : public DeviceTest {};
INSTANTIATE_TEST_SUITE_P(Devices, Checkpoint, every_device());

Block doubled_tanh(int* calls = nullptr) {
  return [calls](Context& c, std::span<const Tensor> in) {
    if (calls) ++*calls;
    return unary(c, UnaryKind::tanh, scale(c, in[0], 2.0f));
  };
}

TEST_P(Checkpoint, RunsTwiceAndKeepsOnlyItsInputs) {
  Tape tape;
  const TapeScope scope(*context, &tape);
  const Tensor leaf = random_leaf({64, 64});
  int calls = 0;
  const int64_t before = context->pool().statistics().used;
  const Tensor y = checkpoint(*context, std::span(&leaf, 1), false, doubled_tanh(&calls));
  EXPECT_EQ(tape.size(), 1u);
  EXPECT_EQ(context->pool().statistics().used - before, 64 * 64 * 4);
  const Tensor plain_leaf = [&] {
    Tensor copy = leaf.detached();
    make_leaf(copy, context->zeros({64, 64}));
    return copy;
  }();
  tape.backward(*context, y);
  EXPECT_EQ(calls, 2);
  const Tensor plain = doubled_tanh()(*context, std::span(&plain_leaf, 1));
  tape.backward(*context, plain);
  EXPECT_EQ(context->to_host(y), context->to_host(plain));
  EXPECT_EQ(context->to_host(leaf.grad()->gradient), context->to_host(plain_leaf.grad()->gradient));
}

TEST_P(Checkpoint, WithoutATapeItIsTheBlockAlone) {
  const Tensor leaf = random_leaf({4, 4});
  int calls = 0;
  EXPECT_FALSE(checkpoint(*context, std::span(&leaf, 1), true, doubled_tanh(&calls)).requires_grad());
  EXPECT_EQ(calls, 1);
}

TEST_P(Checkpoint, FrozenBlocksAreNotRecorded) {
  Tape tape;
  const TapeScope scope(*context, &tape);
  const Tensor frozen = random_tensor({4, 4});
  EXPECT_FALSE(checkpoint(*context, std::span(&frozen, 1), false, doubled_tanh()).requires_grad());
  EXPECT_EQ(tape.size(), 0u);
}

// The classic trap: no input needs a gradient, but a parameter inside does.
TEST_P(Checkpoint, ParametersInsideTrainWithoutAnyInputThatDoes) {
  Tape tape;
  const TapeScope scope(*context, &tape);
  const Tensor x = random_tensor({5, 4}), weight = random_leaf({3, 4}), weights = random_tensor({5, 3});
  const Tensor y = checkpoint(*context, std::span(&x, 1), true, [&](Context& c, std::span<const Tensor> in) {
    return scale(c, linear(c, in[0], weight), 2.0f);
  });
  ASSERT_TRUE(y.requires_grad());
  EXPECT_EQ(tape.size(), 1u) << "recorded as one block, not op by op";
  tape.backward(*context, weighted_sum(*context, y, weights));
  const auto found = context->to_host(weight.grad()->gradient);
  const auto xs = context->to_host(x), ws = context->to_host(weights);
  for (size_t o = 0; o < 3; ++o)
    for (size_t i = 0; i < 4; ++i) {
      double expected = 0;
      for (size_t r = 0; r < 5; ++r) expected += 2 * double{ws[r * 3 + o]} * xs[r * 4 + i];
      EXPECT_NEAR(found[o * 4 + i], expected, 1e-6);
    }
}

TEST_P(Checkpoint, SeveralInputsAndNesting) {
  const Tensor a = random_leaf({4, 4}), b = random_leaf({4, 4}), frozen = random_tensor({4, 4});
  const Block inner = [](Context& c, std::span<const Tensor> in) {
    return multiply(c, in[0], unary(c, UnaryKind::silu, in[1]));
  };
  const Block outer = [&](Context& c, std::span<const Tensor> in) {
    const Tensor product = checkpoint(c, in.first(2), false, inner);
    return add(c, multiply(c, product, in[2]), in[0]);
  };
  std::vector<std::vector<float>> found;
  for (const bool checkpointed : {true, false}) {
    for (const Tensor* leaf : {&a, &b}) {
      Tensor gradient = leaf->grad()->gradient;
      context->backend().fill(gradient.view(), 0.0f);
    }
    Tape tape;
    const TapeScope scope(*context, &tape);
    const Tensor inputs[] = {a, b, frozen};
    tape.backward(*context,
                  checkpointed ? checkpoint(*context, inputs, false, outer) : outer(*context, inputs));
    found.push_back(context->to_host(a.grad()->gradient));
    found.push_back(context->to_host(b.grad()->gradient));
  }
  EXPECT_EQ(found[0], found[2]);
  EXPECT_EQ(found[1], found[3]);
}

TEST_P(Checkpoint, ABlockMayReturnItsInput) {
  Tape tape;
  const TapeScope scope(*context, &tape);
  const Tensor leaf = random_leaf({2, 2});
  const Tensor y = checkpoint(*context, std::span(&leaf, 1), false,
                              [](Context&, std::span<const Tensor> in) { return in[0]; });
  tape.backward(*context, scale(*context, y, 3.0f));
  EXPECT_EQ(context->to_host(leaf.grad()->gradient), std::vector<float>(4, 3));
}

TEST_P(Checkpoint, AFailingBlockLeavesNothingBehind) {
  const Tensor leaf = random_leaf({8, 8});
  const int64_t before = context->pool().statistics().used;
  Tape tape;
  {
    const TapeScope scope(*context, &tape);
    int calls = 0;
    const Tensor y =
        checkpoint(*context, std::span(&leaf, 1), false, [&](Context& c, std::span<const Tensor> in) {
          const Tensor half = scale(c, in[0], 0.5f);
          check(++calls < 2, Code::numeric, "second run");
          return half;
        });
    EXPECT_THROW(tape.backward(*context, y), Error);
    EXPECT_EQ(context->tape, &tape);
  }
  EXPECT_EQ(context->pool().statistics().used, before);
}

TEST_P(Checkpoint, DifferentiateNow) {
  Tape tape;
  const TapeScope scope(*context, &tape);
  const Tensor leaf = random_leaf({2, 3}), parameter = random_leaf({2, 3});
  const Tensor x = scale(*context, leaf, 1.0f);
  const size_t recorded = tape.size();
  const auto body = [&](Context& c, const Tensor& input) {
    Differentiated result;
    result.value = multiply(c, input, parameter);
    result.gradient = c.from_host(std::vector<float>(6, 0.5f), {2, 3});
    return result;
  };
  const Tensor gradient = differentiate_now(*context, x, body);
  EXPECT_EQ(tape.size(), recorded);
  const auto xs = context->to_host(x), ps = context->to_host(parameter);
  for (size_t i = 0; i < 6; ++i) {
    EXPECT_EQ(context->to_host(gradient)[i], 0.5f * ps[i]);
    EXPECT_EQ(context->to_host(parameter.grad()->gradient)[i], 0.5f * xs[i]);
  }
  EXPECT_FALSE(differentiate_now(*context, x.detached(), body).defined());
  const TapeScope silent(*context, nullptr);
  EXPECT_FALSE(differentiate_now(*context, x, body).defined());
}

// Layers whose inputs wait in host memory give the same bits, and the device holds two of them at most.
TEST_P(Checkpoint, OffloadedInputsComeBack) {
  if (!context->pinned_pool()) {
    EXPECT_ERROR(Code::unsupported, "no other memory", Offload(*context));
    return;
  }
  constexpr int layers = 6;
  const Shape shape{64, 64};
  const Tensor start = random_tensor(shape), weights = random_tensor(shape);
  std::vector<std::vector<float>> gradients;
  std::vector<int64_t> held;
  for (const bool away : {false, true}) {
    Offload offload(*context);
    Tape tape;
    const TapeScope scope(*context, &tape);
    Tensor leaf = start.detached();
    make_leaf(leaf, context->zeros(shape));
    Tensor x = leaf;
    const int64_t before = context->pool().statistics().used;
    for (int layer = 0; layer < layers; ++layer) {
      const Tensor input = std::exchange(x, Tensor());
      x = checkpoint(*context, std::span(&input, 1), false, doubled_tanh(), away ? &offload : nullptr);
    }
    held.push_back(context->pool().statistics().used - before);
    tape.backward(*context, weighted_sum(*context, x, weights));
    gradients.push_back(context->to_host(leaf.grad()->gradient));
  }
  EXPECT_EQ(gradients[0], gradients[1]);
  const int64_t bytes = shape.elements() * 4;
  EXPECT_EQ(held[0], layers * bytes);
  EXPECT_LE(held[1], 2 * bytes);
}

// A walk that does not reach some layers leaves their inputs behind, and what follows is right all the same.
TEST_P(Checkpoint, OffloadedInputsThatNobodyTakes) {
  if (!context->pinned_pool()) return;  // OffloadedInputsComeBack says what happens there
  const Tensor leaf = random_leaf({32, 32}), weights = random_tensor({32, 32});
  for (int i = 0; i < 3; ++i) {
    Offload offload(*context);
    Tape tape;
    const TapeScope scope(*context, &tape);
    const Tensor first = checkpoint(*context, std::span(&leaf, 1), false, doubled_tanh(), &offload);
    checkpoint(*context, std::span(&first, 1), false, doubled_tanh(), &offload);
    if (i < 2) continue;  // no walk at all
    tape.backward(*context, weighted_sum(*context, first, weights));
  }
  Tape tape;
  const TapeScope scope(*context, &tape);
  Tensor plain = leaf.detached();
  make_leaf(plain, context->zeros({32, 32}));
  tape.backward(*context, weighted_sum(*context, doubled_tanh()(*context, std::span(&plain, 1)), weights));
  EXPECT_EQ(context->to_host(leaf.grad()->gradient), context->to_host(plain.grad()->gradient));
}

}  // namespace
}  // namespace peft
