// Training in bf16 beside training in f32: products round their operands, and on a device that has bf16 activations so
// does whatever flows between layers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "train/support.h"

namespace peft {
namespace {

class Bfloat16Training : public testing::TestWithParam<std::string> {
 protected:
  struct Run {
    std::vector<double> losses;
    std::vector<std::vector<float>> values;
    int64_t peak_used = 0;
  };
  Run run(Arithmetic arithmetic, ActivationPolicy activations = ActivationPolicy::keep) {
    const std::string folder = test::data_path("training/" + GetParam());
    const Json expected = Json::parse(test::text_of_file(folder + "/expected.json"));
    const std::string base = expected["base"];
    const auto model = test::load_model("families/" + base);
    const auto context = test::test_context();
    const auto adapter =
        load_adapter("default", folder + "/start", model->transformer(), *context, "tiny-" + base).adapter;
    TrainerOptions options;
    options.schedule = Schedule::constant;
    options.warmup_ratio = 0;
    options.learning_rate = expected["learning_rate"];
    options.batch_size = 2;
    options.arithmetic = arithmetic;
    options.activations = activations;
    auto own = test::test_context();
    MemoryPool& pool = own->pool();
    Trainer trainer(test::transformer_of(model), adapter, nullptr, nullptr, std::move(own), options, "tiny");
    const auto rows = test::training_rows();
    Run result;
    for (size_t step = 0; step < 8; ++step) {
      const std::vector<TokenRow> taken = {rows[2 * step % rows.size()].view(), rows[(2 * step + 1) % rows.size()].view()};
      result.losses.push_back(trainer.step_rows(taken, nullptr).loss);
    }
    result.peak_used = pool.statistics().peak_used;
    result.values = test::values_of(*adapter);
    return result;
  }
};

// Each of a layer's dozen roundings moves what it rounds by up to 2^-9 of itself; independent ones add up as their
// squares. Two layers and the head: about sqrt(30) / 512 = 1 % of a logit, and the loss moves less than its logits.
TEST_P(Bfloat16Training, has_the_loss_curve_of_f32) {
  const Run exact = run(Arithmetic::float32), rounded = run(Arithmetic::bfloat16);
  for (size_t step = 0; step < exact.losses.size(); ++step)
    EXPECT_NEAR(rounded.losses[step], exact.losses[step], 0.01 * exact.losses[step]) << "step " << step;
  EXPECT_NE(rounded.losses, exact.losses) << "nothing was rounded";
}

TEST_P(Bfloat16Training, is_the_same_bit_for_bit_however_activations_are_kept) {
  const Run first = run(Arithmetic::bfloat16), second = run(Arithmetic::bfloat16),
            checkpointed = run(Arithmetic::bfloat16, ActivationPolicy::checkpoint);
  EXPECT_EQ(first.losses, second.losses);
  EXPECT_EQ(first.values, second.values);
  EXPECT_EQ(first.losses, checkpointed.losses);
  EXPECT_EQ(first.values, checkpointed.values);
}

TEST_P(Bfloat16Training, takes_less_memory_where_activations_are_bf16) {
  if (!test::test_context()->backend().bfloat16_activations()) return;  // they are f32 there, which numerics.md says
  EXPECT_LT(run(Arithmetic::bfloat16).peak_used, run(Arithmetic::float32).peak_used);
}

INSTANTIATE_TEST_SUITE_P(Cases, Bfloat16Training,
                         testing::Values("llama_lora", "gpt2_lora", "llama_prompt"));

}  // namespace
}  // namespace peft
