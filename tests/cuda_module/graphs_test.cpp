// CUDA graphs under whole contexts, sessions and trainers, on the emulated GPU: the same bits with and without, built
// once, launched for every token.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "control.h"
#include "generate/session.h"
#include "support/test_device.h"
#include "train/support.h"

namespace peft {
namespace {

using cuda_emulator::counts;

class UseEmulatedModule : public testing::Environment {
  void SetUp() override {
    setenv("LIBPEFT_CUDA", PEFT_EMULATED_MODULE, 1);
    setenv("PEFT_TEST_DEVICE", "cuda:0", 1);
  }
};
[[maybe_unused]] const testing::Environment* const environment =
    testing::AddGlobalTestEnvironment(new UseEmulatedModule);

// What `body` gives with queued kernels and with every kernel started by itself. `graphs`: whether there are enough between
// two products for a graph.
template <typename Body>
void expect_same_without_graphs(bool graphs, Body&& body) {
  const auto before = counts();
  const auto with = body();
  const auto between = counts();
  EXPECT_EQ(between.graph_launches > before.graph_launches, graphs);
  setenv("LIBPEFT_CUDA_GRAPHS", "0", 1);
  const auto without = body();
  unsetenv("LIBPEFT_CUDA_GRAPHS");
  EXPECT_EQ(counts().graph_launches, between.graph_launches);
  EXPECT_EQ(with, without);
}

Session session_of(const std::shared_ptr<Model>& model) {
  return Session({{model, &model->transformer()}, nullptr, {}}, {}, [] { return test::test_context(1); },
                 /*context_length=*/0);
}
const std::vector<int32_t> prompt = {53, 4, 76, 0, 4, 38, 86, 43, 20};

TEST(Graphs, DecodingGivesTheSameBits) {
  const auto model = test::load_model("families/llama");
  expect_same_without_graphs(true, [&] {
    Session session = session_of(model);
    session.prefill(prompt, nullptr);
    std::vector<float> logits;
    for (int i = 0; i < 40; ++i) {
      session.next();
      logits.insert(logits.end(), session.logits().begin(), session.logits().end());
    }
    return logits;
  });
}

// Over a page of the cache (32 positions).
TEST(Graphs, DecodingBuildsOnceAndLaunchesForEveryToken) {
  const auto model = test::load_model("families/llama");
  Session session = session_of(model);
  session.prefill(prompt, nullptr);
  for (int i = 0; i < 5; ++i) session.next();
  const auto before = counts();
  constexpr int tokens = 40;
  for (int i = 0; i < tokens; ++i) session.next();
  const auto after = counts();
  const int64_t kernels = after.launches - before.launches, direct = after.direct_launches - before.direct_launches,
                updates = after.node_updates - before.node_updates,
                graphs = after.graph_launches - before.graph_launches;
  RecordProperty("kernels_a_token", std::to_string(kernels / tokens));
  std::printf("a token: %.1f kernels, %.1f of them started alone, %.1f graphs, %.1f updates; %d graphs built\n",
              static_cast<double>(kernels) / tokens, static_cast<double>(direct) / tokens,
              static_cast<double>(graphs) / tokens, static_cast<double>(updates) / tokens,
              static_cast<int>(after.graphs_built - before.graphs_built));
  EXPECT_EQ(after.graphs_built, before.graphs_built);
  EXPECT_GE(graphs, tokens);
  EXPECT_LE(direct, kernels / 4);
  EXPECT_LE(updates, kernels / 4);
}

TEST(Graphs, TrainingGivesTheSameBits) {
  const auto model = test::load_model("families/llama");
  expect_same_without_graphs(false, [&] {
    const auto adapter = test::new_adapter(
        model->transformer(), R"({"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": 4, "lora_alpha": 8,
                                  "lora_dropout": 0.1, "target_modules": "all-linear"})");
    TrainerOptions options;
    options.batch_size = 2;
    options.max_steps = 4;
    Trainer trainer(test::transformer_of(model), adapter, test::training_dataset(), nullptr, test::test_context(),
                    options, "tiny-llama");
    std::vector<std::vector<float>> results(1);
    while (trainer.state().step < 4) results[0].push_back(static_cast<float>(trainer.step(nullptr).loss));
    for (auto& values : test::values_of(*adapter)) results.push_back(std::move(values));
    return results;
  });
}

// Weights that a tensor shares with no pool go back to the device at once, by any thread.
TEST(Graphs, SharedMemoryIsFreedWhileItsKernelsAreQueued) {
  const auto context = test::test_context();
  Tensor y = context->zeros({1000});
  for (int i = 0; i < 20; ++i) {
    Tensor weight = context->empty_shared({1000}, DType::f32);
    context->backend().fill(weight.view(), static_cast<float>(i));
    context->backend().scale(1.0f, weight.const_view(), /*accumulate=*/true, y.view());
  }
  EXPECT_EQ(context->to_host(y), std::vector<float>(1000, 190.0f));
}

TEST(Graphs, AFullDeviceTrimsThePoolWhileKernelsAreQueued) {
  const auto context = test::test_context();
  constexpr int64_t large = int64_t{20} << 20;
  Tensor y = context->zeros({large / 4});
  {
    Tensor other = context->zeros({large / 4});
    context->backend().scale(1.0f, other.const_view(), /*accumulate=*/true, y.view());
  }
  cuda_emulator::fail_allocation(0);  // the next region does not fit before the one of `other` goes
  Tensor more = context->empty({2 * large / 4}, DType::f32);
  cuda_emulator::fail_allocation(-1);
  context->backend().fill(more.view(), 1.0f);
  EXPECT_EQ(context->to_host(y)[0], 0.0f);
  EXPECT_EQ(context->to_host(more).back(), 1.0f);
}

}  // namespace
}  // namespace peft
