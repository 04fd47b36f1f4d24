// What a GPU need not hold, through the C API on the emulated GPU: AdamW's moments and the token embedding in pinned host
// memory. Nothing changes but where they lie.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <numeric>
#include <string>
#include <vector>

#include "devices/cuda_module.h"
#include "devices/module_device.h"
#include "peft/peft.h"
#include "support/paths.h"

namespace peft {
namespace {

using testing::HasSubstr;

std::string last_error() {
  char text[1024] = {};
  peft_last_error(text, sizeof text, nullptr);
  return text;
}

void ok(peft_status status) { ASSERT_GE(status, 0) << last_error(); }

class DeviceMemory : public testing::Test {
 protected:
  static void SetUpTestSuite() { setenv("LIBPEFT_CUDA", PEFT_EMULATED_MODULE, 1); }
  void SetUp() override { ok(peft_context_create(nullptr, &context_)); }
  void TearDown() override {
    peft_trainer_free(trainer_);
    peft_dataset_free(dataset_);
    peft_adapter_free(adapter_);
    peft_model_free(model_);
    peft_context_free(context_);
  }

  static peft_model_options model_options(peft_placement embedding, const char* device = "cuda:0") {
    peft_model_options options;
    ok(peft_model_options_init(&options, sizeof options));
    options.device = device;
    options.embedding_placement = embedding;
    return options;
  }
  peft_status load(peft_placement embedding, const char* family = "mistral", const char* device = "cuda:0") {
    const peft_model_options options = model_options(embedding, device);
    return peft_model_load(context_, (std::string(test::source_folder()) + "/tests/data/families/" + family).c_str(), &options, &model_);
  }
  peft_model_info info() {
    peft_model_info info{};
    info.struct_size = sizeof info;
    ok(peft_model_get_info(model_, &info));
    return info;
  }

  // So many numbers train that what they take is more than the pool's regions.
  static peft_lora_config lora() {
    peft_lora_config config;
    ok(peft_lora_config_init(&config, sizeof config));
    config.r = 2048;
    config.target_modules = "all-linear";
    return config;
  }
  static peft_trainer_options trainer_options(peft_placement optimizer) {
    peft_trainer_options options;
    ok(peft_trainer_options_init(&options, sizeof options));
    options.optimizer_placement = optimizer;
    options.max_steps = 3;
    options.batch_size = 2;
    options.gradient_accumulation_steps = 1;
    return options;
  }
  void make_dataset() {
    std::vector<int32_t> ids(24);
    std::iota(ids.begin(), ids.end(), 3);
    std::vector<peft_row> rows(4);
    for (peft_row& row : rows) {
      row.struct_size = sizeof row;
      row.ids = ids.data();
      row.id_count = static_cast<int64_t>(ids.size());
    }
    ok(peft_dataset_from_rows(context_, rows.data(), static_cast<int64_t>(rows.size()), nullptr, &dataset_));
  }
  peft_estimate_result estimate(peft_placement optimizer) {
    const peft_lora_config config = lora();
    const peft_trainer_options trainer = trainer_options(optimizer);
    peft_estimate_options options;
    ok(peft_estimate_options_init(&options, sizeof options));
    options.lora_config = &config;
    options.trainer_options = &trainer;
    options.dataset = dataset_;
    peft_estimate_result result{};
    result.struct_size = sizeof result;
    ok(peft_estimate_model(model_, &options, &result));
    return result;
  }

  struct Trained {
    std::vector<double> losses;
    int64_t trainer_bytes = 0;
  };
  Trained train(peft_placement optimizer) {
    const peft_lora_config config = lora();
    ok(peft_attach_lora(model_, "default", &config, &adapter_));
    const peft_trainer_options options = trainer_options(optimizer);
    ok(peft_trainer_create(model_, adapter_, dataset_, &options, &trainer_));
    Trained trained;
    for (int i = 0; i < 3; ++i) {
      peft_step_result step{};
      step.struct_size = sizeof step;
      ok(peft_train_step(trainer_, nullptr, &step));
      trained.losses.push_back(step.loss);
    }
    peft_trainer_info info{};
    info.struct_size = sizeof info;
    ok(peft_trainer_get_info(trainer_, &info));
    trained.trainer_bytes = info.memory_bytes;
    peft_trainer_free(trainer_);
    trainer_ = nullptr;
    ok(peft_adapter_detach(adapter_));
    peft_adapter_free(adapter_);
    adapter_ = nullptr;
    return trained;
  }
  std::vector<float> logits() {
    const std::vector<int32_t> ids = {3, 5, 8, 13, 21, 34, 55, 89};
    std::vector<float> values(ids.size() * 96);
    size_t count = 0;
    ok(peft_logits(model_, ids.data(), ids.size(), nullptr, values.data(), values.size(), &count));
    EXPECT_EQ(count, values.size());
    return values;
  }

  peft_context* context_ = nullptr;
  peft_model* model_ = nullptr;
  peft_adapter* adapter_ = nullptr;
  peft_dataset* dataset_ = nullptr;
  peft_trainer* trainer_ = nullptr;
};

TEST_F(DeviceMemory, MomentsOnTheHostTrainTheSameAndAreCounted) {
  ok(load(PEFT_PLACEMENT_DEVICE));
  make_dataset();
  const peft_estimate_result on_device = estimate(PEFT_PLACEMENT_DEVICE), on_host = estimate(PEFT_PLACEMENT_HOST);
  const int64_t moments = 8 * on_device.trainable_elements;
  ASSERT_GT(moments, int64_t{10} << 20);
  EXPECT_GE(on_device.optimizer_bytes, moments);
  EXPECT_EQ(on_device.host_bytes, 0);
  EXPECT_EQ(on_host.optimizer_bytes, 0);
  EXPECT_EQ(on_host.host_bytes, on_device.optimizer_bytes);
  EXPECT_GE(on_device.peak_bytes - on_host.peak_bytes, moments * 3 / 4);
  const Trained first = train(PEFT_PLACEMENT_DEVICE), second = train(PEFT_PLACEMENT_HOST);
  EXPECT_EQ(first.losses, second.losses);
  EXPECT_GE(first.trainer_bytes - second.trainer_bytes, moments * 3 / 4);
}

TEST_F(DeviceMemory, MomentsGoToTheHostWhereTheDeviceIsFull) {
  ok(load(PEFT_PLACEMENT_DEVICE));
  make_dataset();
  EXPECT_EQ(estimate(PEFT_PLACEMENT_AUTO).host_bytes, 0);
  const peft_estimate_result on_device = estimate(PEFT_PLACEMENT_DEVICE), on_host = estimate(PEFT_PLACEMENT_HOST);
  // Another process, as it were, leaves room for the one and not for the other.
  const auto device = make_module_device(open_module({PEFT_EMULATED_MODULE}), 0);
  const auto memory = device->create_backend(0)->memory();
  const int64_t taken = device->total_memory() - (on_device.peak_bytes + on_host.peak_bytes) / 2;
  std::byte* const ballast = memory->allocate(taken);
  EXPECT_EQ(estimate(PEFT_PLACEMENT_DEVICE).fits, 0);
  EXPECT_EQ(estimate(PEFT_PLACEMENT_HOST).fits, 1);
  const peft_estimate_result chosen = estimate(PEFT_PLACEMENT_AUTO);
  EXPECT_EQ(chosen.fits, 1);
  EXPECT_EQ(chosen.host_bytes, on_host.host_bytes);
  train(PEFT_PLACEMENT_AUTO);
  memory->release(ballast, taken);
}

TEST_F(DeviceMemory, AnEmbeddingOnTheHostGivesTheSameLogits) {
  ok(load(PEFT_PLACEMENT_DEVICE));
  const std::vector<float> expected = logits();
  EXPECT_EQ(info().host_weight_bytes, 0);
  const int64_t whole = info().weight_bytes;
  peft_model_free(model_);
  model_ = nullptr;
  ok(load(PEFT_PLACEMENT_HOST));
  EXPECT_EQ(logits(), expected);
  EXPECT_EQ(info().host_weight_bytes, int64_t{96} * 32 * 4);
  EXPECT_EQ(info().weight_bytes, whole);
  std::vector<float> embedding(96 * 32);
  size_t count = 0;
  ok(peft_model_parameter_read(model_, "model.embed_tokens.weight", embedding.data(), embedding.size(), &count));
  EXPECT_EQ(count, embedding.size());
  EXPECT_NE(embedding, std::vector<float>(embedding.size(), embedding[0]));
  EXPECT_EQ(estimate(PEFT_PLACEMENT_HOST).weight_bytes, whole - int64_t{96} * 32 * 4);
  make_dataset();
  const std::vector<double> losses = train(PEFT_PLACEMENT_HOST).losses;
  peft_model_free(model_);
  model_ = nullptr;
  ok(load(PEFT_PLACEMENT_DEVICE));
  EXPECT_EQ(train(PEFT_PLACEMENT_DEVICE).losses, losses);
}

TEST_F(DeviceMemory, WhatCannotLieOnTheHostIsRefused) {
  EXPECT_EQ(load(PEFT_PLACEMENT_HOST, "llama"), PEFT_E_UNSUPPORTED);
  EXPECT_THAT(last_error(), HasSubstr("the head is the same tensor"));
  EXPECT_EQ(load(PEFT_PLACEMENT_HOST, "mistral", "cpu"), PEFT_E_UNSUPPORTED);
  EXPECT_THAT(last_error(), HasSubstr("the model's device has no other memory"));
  EXPECT_EQ(load(PEFT_PLACEMENT_AUTO), PEFT_E_INVALID_ARGUMENT);
  EXPECT_THAT(last_error(), HasSubstr("embedding_placement"));
  ok(load(PEFT_PLACEMENT_DEVICE, "mistral", "cpu"));
  make_dataset();
  const peft_lora_config config = lora();
  ok(peft_attach_lora(model_, "default", &config, &adapter_));
  const peft_trainer_options options = trainer_options(PEFT_PLACEMENT_HOST);
  EXPECT_EQ(peft_trainer_create(model_, adapter_, dataset_, &options, &trainer_), PEFT_E_UNSUPPORTED);
  EXPECT_THAT(last_error(), HasSubstr("optimizer_placement"));
}

}  // namespace
}  // namespace peft
