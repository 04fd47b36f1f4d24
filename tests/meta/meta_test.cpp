#include <gtest/gtest.h>

#include "meta/meta_backend.h"
#include "ops/linear.h"
#include "support/device.h"
#include "support/tiny_network.h"

namespace peft {
namespace {

class Meta : public testing::Test {
 protected:
  Meta() : cpu(find_device("cpu")), device(make_meta_device(cpu)) {}
  Device& cpu;
  std::unique_ptr<MetaDevice> device;
};

// The pool of a real step and of a counted one see the same requests, so every figure is the same.
TEST_F(Meta, PoolFiguresEqualTheRealOnes) {
  for (const bool checkpointed : {false, true}) {
    for (const Arithmetic arithmetic : {Arithmetic::float32, Arithmetic::bfloat16}) {
      const TinyNetwork::Options options{.tokens = 200,
                                         .width = 64,
                                         .hidden = 160,
                                         .vocabulary = 500,
                                         .layers = 4,
                                         .checkpointed = checkpointed,
                                         .dropout = 0.1f};
      PoolStatistics figures[2];
      int i = 0;
      for (Device* which : {&cpu, static_cast<Device*>(device.get())}) {
        Context context(which->create_backend(2));
        context.arithmetic = arithmetic;
        TinyNetwork network(context, options);
        network.step(context);
        figures[i++] = context.pool().statistics();
      }
      EXPECT_EQ(figures[0].peak_used, figures[1].peak_used);
      EXPECT_EQ(figures[0].peak_held, figures[1].peak_held);
      EXPECT_EQ(figures[0].used, figures[1].used);
    }
  }
}

TEST_F(Meta, MemoryCountsPoolsAndSharedBuffers) {
  {
    Context context(device->create_backend(1));
    const Tensor weights = context.empty_shared({1 << 20});
    const Tensor activation = context.empty({100});
    EXPECT_EQ(device->memory().held(), (4 << 20) + (16 << 20));
  }
  EXPECT_EQ(device->memory().held(), 0);
  EXPECT_EQ(device->memory().peak_held(), (4 << 20) + (16 << 20));
}

// Far more than any machine has: only counted.
TEST_F(Meta, NothingIsBehindTheAddresses) {
  Context context(device->create_backend(1));
  const Tensor x = context.empty({1 << 20, 1 << 14}), weight = context.empty({1 << 14, 1 << 14}, DType::bf16);
  const Tensor y = linear(context, x, weight);
  EXPECT_EQ(y.shape(), x.shape());
  EXPECT_GE(device->memory().held(), int64_t{2} << 36);
  EXPECT_EQ(context.to_host(context.empty({3})), std::vector<float>(3, 0.0f));
}

// 4 FLOP a frozen weight and token, 6 a trainable one, and the head's in both directions.
TEST_F(Meta, ATrainingStepCostsFourFlopsAFrozenWeight) {
  Context context(device->create_backend(1));
  const TinyNetwork::Options o{.tokens = 50, .layers = 2};
  TinyNetwork network(context, o);
  auto& backend = static_cast<MetaBackend&>(context.backend());
  network.step(context);
  int64_t frozen = o.vocabulary * o.width, trainable = 0, lowest = 0;
  for (const auto& layer : network.layers) {
    for (const auto* group : {&layer.qkv, &layer.output, &layer.gate_up, &layer.down}) {
      for (const Tensor& weight : group->weights) frozen += weight.elements();
      for (const Tensor& b : group->b) trainable += b.elements();
      trainable += group->a.elements();
    }
  }
  // No gradient goes below the first layer: its q, k, v and their A form none.
  for (const Tensor& weight : network.layers[0].qkv.weights) lowest += weight.elements();
  lowest += network.layers[0].qkv.a.elements();
  EXPECT_EQ(backend.counts().matmul_flops, o.tokens * (4 * frozen + 6 * trainable - 2 * lowest));
  EXPECT_GT(backend.counts().attention_flops, 0);
}

TEST_F(Meta, SizesBeyondReasonAreErrors) {
  EXPECT_THROW(device->memory().allocate(int64_t{1} << 61), Error);
  Context context(device->create_backend(1), int64_t{64} << 20);
  EXPECT_THROW(context.empty({1 << 30}), Error);
}

}  // namespace
}  // namespace peft
