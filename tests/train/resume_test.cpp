// A run that was cut anywhere and goes on is the run that was never cut, bit for bit.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include "support/expect_error.h"
#include "support/temporary_folder.h"
#include "train/support.h"

namespace peft {
namespace {

constexpr int64_t steps = 12;
constexpr const char* lora = R"({"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": 4, "lora_alpha": 8,
                                 "lora_dropout": 0.1, "target_modules": "all-linear"})";

TrainerOptions run_options() {
  TrainerOptions options;
  options.batch_size = 2;
  options.accumulation = 2;
  options.max_steps = steps;
  options.warmup_steps = 3;
  options.learning_rate = 5e-3;
  return options;
}

class Resume : public testing::Test {
 protected:
  std::unique_ptr<Trainer> trainer(const TrainerOptions& options, int threads = 2) {
    adapter = test::new_adapter(model->transformer(), lora);
    return std::make_unique<Trainer>(test::transformer_of(model), adapter, dataset, nullptr,
                                     test::test_context(threads), options, "tiny-llama");
  }
  void run(Trainer& trainer, int64_t until) {
    while (trainer.state().step < until) losses.push_back(trainer.step(nullptr).loss);
  }
  // Losses and values of an uncut run.
  void run_whole(const TrainerOptions& options, int threads = 2) {
    losses.clear();
    const auto uncut = trainer(options, threads);
    run(*uncut, steps);
    EXPECT_EQ(uncut->step(nullptr).kind, EventKind::end);
    whole_losses = losses;
    whole = test::values_of(*adapter);
    losses.clear();
  }

  std::shared_ptr<Model> model = test::load_model("families/llama");
  std::shared_ptr<const Dataset> dataset = test::training_dataset();
  std::shared_ptr<Adapter> adapter;
  std::vector<double> losses, whole_losses;
  std::vector<std::vector<float>> whole;
};

// A device is no other at one step than at the next, and slow where it is emulated: a few cuts stand for all there.
int64_t cuts_apart() { return test::wanted_device().empty() ? 1 : 5; }

TEST_F(Resume, at_every_step_gives_the_same_bits) {
  run_whole(run_options());
  EXPECT_LT(whole_losses.back(), whole_losses.front());
  const test::TemporaryFolder folder;
  for (int64_t cut = 1; cut < steps; cut += cuts_apart()) {
    losses.clear();
    const std::string path = folder.file(fmt::format("cut-{}", cut));
    {
      const auto first = trainer(run_options());
      run(*first, cut);
      first->checkpoint(path, nullptr);
    }
    const auto second = trainer(run_options());
    EXPECT_EQ(second->resume(path), "");
    EXPECT_EQ(second->state().step, cut);
    run(*second, steps);
    EXPECT_EQ(losses, whole_losses) << "cut at " << cut;
    EXPECT_EQ(test::values_of(*adapter), whole) << "cut at " << cut;
  }
}

// Steps of given rows among those of the data set, cut before and after each.
TEST_F(Resume, with_given_rows_between_gives_the_same_bits) {
  const std::vector<test::TestRow> source = test::training_rows();
  const std::vector<TokenRow> rows = test::views(source);
  TrainerOptions options = run_options();
  options.max_steps = 5;
  const auto go_on = [&](Trainer& trainer, int64_t until) {
    while (trainer.state().step < until) {
      const bool given = trainer.state().step == 1 || trainer.state().step == 4;
      const TrainEvent event =
          given ? trainer.step_rows(std::span(rows).first(3), nullptr) : trainer.step(nullptr);
      if (event.kind == EventKind::end) return;
      losses.push_back(event.loss);
    }
  };
  const auto uncut = trainer(options);
  go_on(*uncut, 100);
  EXPECT_EQ(uncut->state().step, 7);
  EXPECT_EQ(uncut->state().data_step, 5);
  const std::vector<double> expected = losses;
  const auto values = test::values_of(*adapter);
  const test::TemporaryFolder folder;
  for (int64_t cut = 1; cut < 7; cut += cuts_apart()) {
    losses.clear();
    const std::string path = folder.file(fmt::format("cut-{}", cut));
    {
      const auto first = trainer(options);
      go_on(*first, cut);
      first->checkpoint(path, nullptr);
    }
    const auto second = trainer(options);
    second->resume(path);
    go_on(*second, 100);
    EXPECT_EQ(losses, expected) << "cut at " << cut;
    EXPECT_EQ(test::values_of(*adapter), values) << "cut at " << cut;
  }
}

TEST_F(Resume, activation_checkpointing_gives_the_same_bits) {
  run_whole(run_options());
  TrainerOptions options = run_options();
  options.activations = ActivationPolicy::checkpoint;
  const auto other = trainer(options);
  run(*other, steps);
  EXPECT_EQ(losses, whole_losses);
  EXPECT_EQ(test::values_of(*adapter), whole);
}

TEST_F(Resume, layer_inputs_in_host_memory_give_the_same_bits) {
  TrainerOptions options = run_options();
  options.activations = ActivationPolicy::offload;
  if (!test::test_context()->pinned_pool()) {
    EXPECT_ERROR(Code::unsupported, "no other memory", trainer(options));
    return;
  }
  run_whole(run_options());
  const auto other = trainer(options);
  run(*other, steps);
  EXPECT_EQ(losses, whole_losses);
  EXPECT_EQ(test::values_of(*adapter), whole);
}

TEST_F(Resume, moments_in_host_memory_give_the_same_bits) {
  TrainerOptions options = run_options();
  options.optimizer = MemoryPlace::host;
  if (!test::test_context()->has_host_memory()) {
    EXPECT_ERROR(Code::unsupported, "no other memory", trainer(options));
    return;
  }
  run_whole(run_options());
  // A checkpoint does not say where they were.
  const test::TemporaryFolder folder;
  {
    const auto first = trainer(options);
    run(*first, 3);
    first->checkpoint(folder.file("third"), nullptr);
  }
  const auto second = trainer(run_options());
  second->resume(folder.file("third"));
  run(*second, 5);
  second->checkpoint(folder.file("fifth"), nullptr);
  const auto third = trainer(options);
  third->resume(folder.file("fifth"));
  run(*third, steps);
  EXPECT_EQ(losses, whole_losses);
  EXPECT_EQ(test::values_of(*adapter), whole);
}

TEST_F(Resume, one_thread_gives_the_same_bits) {
  run_whole(run_options(), 2);
  const auto other = trainer(run_options(), 1);
  run(*other, steps);
  EXPECT_EQ(losses, whole_losses);
  EXPECT_EQ(test::values_of(*adapter), whole);
}

TEST_F(Resume, packing_resumes_too) {
  TrainerOptions options = run_options();
  options.packing = true;
  options.packing_length = 96;
  run_whole(options);
  const test::TemporaryFolder folder;
  {
    const auto first = trainer(options);
    run(*first, 5);
    first->checkpoint(folder.file("cut"), nullptr);
  }
  const auto second = trainer(options);
  second->resume(folder.file("cut"));
  run(*second, steps);
  EXPECT_EQ(losses, whole_losses);
  EXPECT_EQ(test::values_of(*adapter), whole);
}

TEST_F(Resume, passes_over_a_damaged_checkpoint) {
  const test::TemporaryFolder folder;
  TrainerOptions options = run_options();
  options.output_dir = folder.path();
  options.save_total_limit = 0;
  run_whole(options);
  std::vector<std::string> damaged = {"adapter_model.safetensors", "optimizer.safetensors", "adapter_config.json",
                                      "manifest.json"};
  if (!test::wanted_device().empty()) damaged.resize(1);  // files are read by the host
  for (const std::string& name : damaged) {
    losses.clear();
    {
      const auto first = trainer(options);
      run(*first, 4);
      first->checkpoint({}, nullptr);
      run(*first, 7);
      first->checkpoint({}, nullptr);
    }
    losses.resize(4);
    const std::string path = folder.file("checkpoint-7/" + name);
    std::string bytes = test::text_of_file(path);
    bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
    const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path.c_str(), "wb"), std::fclose);
    ASSERT_EQ(std::fwrite(bytes.data(), 1, bytes.size(), file.get()), bytes.size());
    std::fflush(file.get());
    const auto second = trainer(options);
    EXPECT_THAT(second->resume(folder.path()), testing::HasSubstr("checkpoint-7"));
    EXPECT_EQ(second->state().step, 4);
    run(*second, steps);
    EXPECT_EQ(losses, whole_losses) << name;
    EXPECT_EQ(test::values_of(*adapter), whole) << name;
    remove_folder(folder.file("checkpoint-7"));
    remove_folder(folder.file("checkpoint-4"));
  }
}

// A second training of one adapter: the process that goes on has it from the file that the first one left.
TEST_F(Resume, goes_on_with_the_adapter_loaded_from_its_file) {
  const test::TemporaryFolder folder;
  const auto context = test::test_context();
  const auto on = [&](const std::shared_ptr<Adapter>& which) {
    return std::make_unique<Trainer>(test::transformer_of(model), which, dataset, nullptr,
                                     test::test_context(2), run_options(), "tiny-llama");
  };
  run(*trainer(run_options()), 4);
  SaveAdapterOptions save;
  save.base_name = "tiny-llama";
  save_adapter(*adapter, folder.file("learned"), *context, save);
  losses.clear();
  {
    const auto second = on(adapter);
    run(*second, 5);
    second->checkpoint(folder.file("cut"), nullptr);
    run(*second, steps);
  }
  const std::vector<double> uncut = losses;
  const auto values = test::values_of(*adapter);
  const auto loaded =
      load_adapter("default", folder.file("learned"), model->transformer(), *context, "tiny-llama").adapter;
  losses.assign(uncut.begin(), uncut.begin() + 5);
  const auto resumed = on(loaded);
  EXPECT_EQ(resumed->resume(folder.file("cut")), "");
  run(*resumed, steps);
  EXPECT_EQ(losses, uncut);
  EXPECT_EQ(test::values_of(*loaded), values);
}

TEST_F(Resume, refuses_another_training_and_changes_nothing) {
  const test::TemporaryFolder folder;
  const auto first = trainer(run_options());
  run(*first, 2);
  first->checkpoint(folder.file("cut"), nullptr);
  TrainerOptions options = run_options();
  options.seed = 7;
  const auto second = trainer(options);
  const auto before = test::values_of(*adapter);
  EXPECT_ERROR(Code::mismatch, "seed", second->resume(folder.file("cut")));
  EXPECT_EQ(second->state().step, 0);
  EXPECT_EQ(test::values_of(*adapter), before);
  EXPECT_ERROR(Code::not_found, "no complete checkpoint", second->resume(folder.file("nothing")));
}

TEST_F(Resume, old_checkpoints_are_pruned_and_the_newest_stay) {
  const test::TemporaryFolder folder;
  TrainerOptions options = run_options();
  options.output_dir = folder.path();
  options.save_steps = 2;
  options.save_total_limit = 2;
  const auto run = trainer(options);
  while (run->next(nullptr).kind != EventKind::end) {
  }
  EXPECT_TRUE(path_exists(folder.file("checkpoint-12")) && path_exists(folder.file("checkpoint-10")));
  EXPECT_FALSE(path_exists(folder.file("checkpoint-8")));
  EXPECT_TRUE(run->finished());
}

}  // namespace
}  // namespace peft
