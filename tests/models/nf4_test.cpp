// NF4 against bitsandbytes (tests/data/nf4): codes bit for bit, logits, training over it.
#include <gtest/gtest.h>

#include "adapters/adapter.h"
#include "devices/devices.h"
#include "generate/score.h"
#include "meta/meta_backend.h"
#include "models/model.h"
#include "models/quantize.h"
#include "models/save.h"
#include "ops/convert.h"
#include "support/expect_error.h"
#include "support/golden.h"
#include "support/temporary_folder.h"
#include "tensor/nf4.h"
#include "train/trainer.h"

namespace peft {
namespace {

using test::Golden;

constexpr double logit_tolerance = 1e-4;

class Nf4 : public testing::TestWithParam<bool> {
 protected:
  std::string name() const { return GetParam() ? "llama_nf4_double" : "llama_nf4"; }
  std::shared_ptr<Model> stored() { return Model::load(test::data_path("nf4/" + name()), *context); }
  std::shared_ptr<Model> quantized() {
    auto model = Model::load(test::data_path("nf4/llama_float32"), *context);
    QuantizeOptions options;
    options.double_quantize = GetParam();
    EXPECT_EQ(quantize_model(*model, *context, options), 14);
    return model;
  }
  void expect_golden_logits(const Model& model) {
    const Golden golden("nf4/" + name() + ".golden.safetensors");
    Workspace workspace(*context);
    for (const std::string row : {"0", "1"}) {
      const auto ids = golden.ids("token_ids_" + row);
      const auto logits =
          token_logits(model.transformer(), workspace, ids, {}, 0, static_cast<int64_t>(ids.size()));
      EXPECT_LE(test::largest_difference(logits, golden.read<float>("logits_" + row)), logit_tolerance);
    }
  }
  std::unique_ptr<Context> context = test::test_context();
};

// What a parameter's buffer holds; what lies between the parts of the NF4 layout means nothing, and reads as
// zeros.
std::vector<std::byte> bits_of(const Tensor& value) {
  std::vector<std::byte> bytes = test::bytes_of(value);
  if (!is_nf4(value.dtype())) return bytes;
  const Nf4Layout layout = Nf4Layout::of(value.dtype(), value.elements());
  const auto clear = [&](int64_t begin, int64_t end) {
    std::fill(&bytes[0] + begin, &bytes[0] + end, std::byte{0});
  };
  const bool nested = value.dtype() == DType::nf4_double;
  clear(layout.codes_bytes, layout.maxima_offset);
  if (nested) {
    clear(layout.maxima_offset + layout.blocks, layout.nested_offset);
    clear(layout.nested_offset + 4 * layout.nested_blocks, layout.offset_offset);
  }
  return bytes;
}

// Every storage byte of every parameter.
void expect_same_bits(const Model& a, const Model& b) {
  const auto& first = a.transformer().layout().parameters;
  const auto& second = b.transformer().layout().parameters;
  ASSERT_EQ(first.size(), second.size());
  for (size_t i = 0; i < first.size(); ++i) {
    ASSERT_EQ(first[i].value.dtype(), second[i].value.dtype()) << first[i].path;
    EXPECT_TRUE(bits_of(first[i].value) == bits_of(second[i].value)) << first[i].path;
  }
}

TEST_P(Nf4, bitsandbytes_folder_gives_its_logits) { expect_golden_logits(*stored()); }

TEST_P(Nf4, quantizing_gives_the_bytes_of_bitsandbytes) {
  const auto ours = quantized();
  expect_same_bits(*ours, *stored());
  expect_golden_logits(*ours);
}

TEST_P(Nf4, saved_folder_holds_the_same_bits) {
  const auto model = quantized();
  const test::TemporaryFolder folder;
  save_folder(*model, folder.file("model"), *context, {});
  expect_same_bits(*Model::load(folder.file("model"), *context), *model);
}

TEST_P(Nf4, quantizing_again_or_nothing_is_refused) {
  const auto model = quantized();
  EXPECT_ERROR(Code::state, "no linear layer", quantize_model(*model, *context, {}));
  QuantizeOptions every;
  every.skip.emplace();
  EXPECT_EQ(quantize_model(*model, *context, every), 1);  // the untied head was left
  EXPECT_ERROR(Code::state, "no linear layer", quantize_model(*model, *context, every));
}

TEST_P(Nf4, quantizing_while_reading_gives_the_same_bits) {
  LoadOptions options;
  options.quantize.emplace().double_quantize = GetParam();
  const auto model = Model::load(test::data_path("nf4/llama_float32"), *context, options);
  expect_same_bits(*model, *quantized());
  // What is NF4 already stays.
  expect_same_bits(*Model::load(test::data_path("nf4/" + name()), *context, options), *stored());
}

// A Conv1D is turned round, a tied head stays.
TEST(Nf4WhileReading, gpt2_is_as_if_quantized_afterwards) {
  const auto context = test::test_context();
  LoadOptions options;
  options.quantize.emplace();
  const auto model = Model::load(test::data_path("families/gpt2"), *context, options),
             afterwards = Model::load(test::data_path("families/gpt2"), *context);
  quantize_model(*afterwards, *context, {});
  expect_same_bits(*model, *afterwards);
  for (size_t i = 0; i < model->transformer().layout().modules.size(); ++i)
    EXPECT_EQ(model->transformer().layout().modules[i].layout, afterwards->transformer().layout().modules[i].layout);
}

// The model would not fit as it is stored.
TEST(Nf4WhileReading, holds_one_layer_at_a_time_as_stored) {
  const auto load = [](bool quantize) {
    const auto device = make_meta_device(find_device("cpu"));
    LoadOptions options;
    if (quantize) options.quantize.emplace();
    Context meta(device->create_backend(1));
    const auto model = Model::load(test::data_path("nf4/llama_float32"), meta, options);
    return std::pair(device->memory().peak_held() - meta.pool().statistics().held, model->weight_bytes());
  };
  const auto [stored_peak, stored] = load(false);
  EXPECT_EQ(stored_peak, stored);
  const auto [peak, quantized] = load(true);
  constexpr int64_t largest = 192 * 64 * 4;  // of the feed-forward's, in f32
  EXPECT_LE(peak, quantized + largest);
  EXPECT_LT(peak, stored);
}

// 24 steps of LoRA over NF4 and over the same weights dequantized: the same numbers up to the order of
// rounding.
TEST_P(Nf4, lora_trains_over_it_as_over_the_dequantized_base) {
  const auto dequantize = [&](Model& model) {
    for (Parameter& parameter : model.transformer().layout().parameters) {
      if (!is_nf4(parameter.value.dtype())) continue;
      const std::vector<float> values = context->to_host(dequantized(*context, parameter.value));
      Tensor dense = context->empty_shared(parameter.value.shape(), DType::f32);
      context->backend().copy_from_host(std::as_bytes(std::span(values)).data(), dense.view().data,
                                        static_cast<int64_t>(values.size()) * 4);
      parameter.value = dense;
    }
  };
  std::vector<std::vector<double>> losses(2), norms(2);
  const std::vector<std::vector<int32_t>> rows = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11},
                                                  {9, 8, 7, 6, 5, 40, 41, 42}};
  const std::vector<TokenRow> views = {{rows[0], {}}, {rows[1], {}}};
  const Json config =
      Json::parse(R"({"peft_type": "LORA", "r": 4, "lora_alpha": 8, "target_modules": "all-linear"})");
  for (size_t dense = 0; dense < 2; ++dense) {
    const auto model = stored();
    if (dense) dequantize(*model);
    const PlanInput input{model->transformer(), config, "test", {}, false, 5};
    const auto adapter = Adapter::create("default", plan_adapter(input), model->transformer(), *context, 5);
    TrainerOptions options;
    options.learning_rate = 2e-3;
    options.schedule = Schedule::constant;
    options.warmup_ratio = 0;
    Trainer trainer({model, &model->transformer()}, adapter, nullptr, nullptr, test::test_context(), options,
                    "base");
    for (int step = 0; step < 24; ++step) {
      const TrainEvent event = trainer.step_rows(views, nullptr);
      losses[dense].push_back(event.loss);
      norms[dense].push_back(event.gradient_norm);
    }
  }
  for (size_t step = 0; step < 24; ++step) {
    EXPECT_NEAR(losses[0][step], losses[1][step], 1e-4 * losses[1][step]) << step;
    EXPECT_NEAR(norms[0][step], norms[1][step], 1e-3 * norms[1][step]) << step;
  }
  EXPECT_LT(losses[0].back(), 0.8 * losses[0].front());
}

INSTANTIATE_TEST_SUITE_P(Statistics, Nf4, testing::Bool(), [](const auto& each) {
  return each.param ? std::string("nested") : std::string("plain");
});

}  // namespace
}  // namespace peft
