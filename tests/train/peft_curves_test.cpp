// 24 steps from PEFT's start, against PEFT's losses and final adapters (tests/data/training).
#include <gtest/gtest.h>

#include "train/support.h"

namespace peft {
namespace {

class PeftCurve : public testing::TestWithParam<std::string> {};

TEST_P(PeftCurve, losses_and_final_adapter_equal_peft) {
  const std::string folder = test::data_path("training/" + GetParam());
  const Json expected = Json::parse(test::text_of_file(folder + "/expected.json"));
  const std::string base = expected["base"];
  const auto model = test::load_model("families/" + base);
  const auto context = test::test_context();
  const std::string name = "tiny-" + base;
  const auto adapter =
      load_adapter("default", folder + "/start", model->transformer(), *context, name).adapter;
  const auto wanted = load_adapter("final", folder + "/final", model->transformer(), *context, name).adapter;
  const auto start = test::values_of(*adapter);

  TrainerOptions options;
  options.schedule = Schedule::constant;
  options.warmup_ratio = 0;
  options.learning_rate = expected["learning_rate"];
  options.max_grad_norm = 0;
  options.batch_size = expected["batch"];
  Trainer trainer(test::transformer_of(model), adapter, nullptr, nullptr, test::test_context(), options, name);
  const auto rows = test::training_rows();
  const size_t per_step = expected["batch"].get<size_t>() * expected["accumulation"].get<size_t>();
  const auto losses = expected["losses"].get<std::vector<double>>();
  ASSERT_EQ(losses.size(), 24u);
  for (size_t step = 0; step < losses.size(); ++step) {
    std::vector<TokenRow> taken;
    for (size_t i = 0; i < per_step; ++i) taken.push_back(rows[(step * per_step + i) % rows.size()].view());
    const TrainEvent event = trainer.step_rows(taken, nullptr);
    EXPECT_NEAR(event.loss, losses[step], 1e-4 * losses[step]) << "step " << step;
  }
  // Adam divides by the gradient's own size, so an element whose gradient is near rounding may go another way
  // for a few steps; the distance of all elements together is still a small part of the way they went.
  const auto found = test::values_of(*adapter), last = test::values_of(*wanted);
  ASSERT_EQ(found.size(), last.size());
  for (size_t t = 0; t < found.size(); ++t) {
    double difference = 0, way = 0;
    for (size_t i = 0; i < found[t].size(); ++i) {
      difference += std::pow(static_cast<double>(found[t][i]) - last[t][i], 2);
      way += std::pow(static_cast<double>(last[t][i]) - start[t][i], 2);
    }
    EXPECT_LE(std::sqrt(difference), 1e-3 * std::sqrt(way)) << wanted->plan().tensors()[t].key;
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, PeftCurve,
                         testing::Values("llama_lora", "llama_lora_accumulate", "llama_lora_head",
                                         "qwen2_lora_bias", "gpt2_lora", "llama_ia3", "gpt2_ia3",
                                         "llama_prompt", "gpt2_prompt", "llama_lora_embedding",
                                         "gpt2_lora_embedding", "gpt2_lora_mlp", "llama_lora_mlp"));

}  // namespace
}  // namespace peft
