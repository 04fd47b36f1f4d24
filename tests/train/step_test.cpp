// Single steps: bad numbers, cancelling, caller's rows, masks, accumulation, packing, evaluation.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "autograd/tape.h"
#include "support/expect_error.h"
#include "train/support.h"

namespace peft {
namespace {

constexpr const char* lora = R"({"peft_type": "LORA", "r": 4, "lora_alpha": 8, "lora_dropout": 0.1,
                                 "target_modules": "all-linear"})";
constexpr const char* plain_lora =
    R"({"peft_type": "LORA", "r": 4, "lora_alpha": 8, "target_modules": "all-linear"})";

class Step : public testing::Test {
 protected:
  std::unique_ptr<Trainer> trainer(TrainerOptions options, const char* config = lora,
                                   std::shared_ptr<const Dataset> eval = nullptr) {
    adapter = test::new_adapter(model->transformer(), config);
    return std::make_unique<Trainer>(test::transformer_of(model), adapter, dataset, std::move(eval),
                                     test::test_context(), options, "tiny-llama");
  }
  // The base loss of some rows, row by row, over their loss-bearing tokens.
  struct Loss {
    double sum;
    int64_t tokens;
  };
  Loss loss_of(std::span<const RowView> list) {
    const auto context = test::test_context();
    Workspace workspace(*context);
    const MicroBatchLoss loss = micro_batch_loss(model->transformer(), workspace, list, {});
    return {loss_sum(*context, loss.losses), loss.tokens};
  }

  std::shared_ptr<Model> model = test::load_model("families/llama");
  std::shared_ptr<const Dataset> dataset = test::training_dataset();
  std::vector<test::TestRow> rows = test::training_rows();
  std::shared_ptr<Adapter> adapter;
};

// A base parameter that is not finite makes every loss so; a finite one again lets training go on.
TEST_F(Step, that_is_not_finite_is_skipped_counted_and_in_a_row_an_error) {
  TrainerOptions options;
  options.max_skipped_in_row = 3;
  options.max_steps = 20;
  const auto run = trainer(options);
  run->step(nullptr);
  const auto before = test::values_of(*adapter);
  auto& parameters = model->transformer().layout().parameters;
  Parameter& norm = *std::find_if(parameters.begin(), parameters.end(),
                                  [](const Parameter& each) { return each.path == "model.norm.weight"; });
  const auto context = test::test_context();
  const Tensor good = norm.value;
  std::vector<float> bad(static_cast<size_t>(good.elements()), std::nanf(""));
  norm.value = context->from_host(std::span<const float>(bad), good.shape());
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(run->step(nullptr).skipped);
  EXPECT_EQ(run->state().skipped, 2);
  EXPECT_EQ(run->state().applied, 1);
  EXPECT_EQ(test::values_of(*adapter), before);
  norm.value = good;
  EXPECT_FALSE(run->step(nullptr).skipped);
  EXPECT_EQ(run->state().skipped_in_row, 0);
  EXPECT_EQ(run->state().applied, 2);
  norm.value = context->from_host(std::span<const float>(bad), good.shape());
  for (int i = 0; i < 3; ++i) run->step(nullptr);
  EXPECT_ERROR(Code::numeric, "3 steps in a row", run->step(nullptr));
  EXPECT_ERROR(Code::numeric, "3 steps in a row",
               run->step_rows(std::vector<TokenRow>{rows[0].view()}, nullptr));
  norm.value = good;
}

TEST_F(Step, that_is_cancelled_changes_nothing) {
  TrainerOptions options;
  options.max_steps = 6;
  const auto whole = trainer(options);
  std::vector<double> expected;
  for (int i = 0; i < 4; ++i) expected.push_back(whole->step(nullptr).loss);
  const auto wanted = test::values_of(*adapter);

  const auto cut = trainer(options);
  std::vector<double> losses;
  int cancelled = 0;
  for (int i = 0; i < 4; ++i) {
    // Signalled before the step, which then never runs, and at another time within it in each round; a step
    // that was quicker than the signal simply counts.
    for (int delay = 0; delay < 4; ++delay) {
      CancelToken token;
      if (delay == 0) token.signal();
      const TrainerState before = cut->state();
      std::thread signaller([&] {
        std::this_thread::sleep_for(std::chrono::microseconds(700 * delay));
        token.signal();
      });
      bool made = false;
      try {
        losses.push_back(cut->step(&token).loss);
        made = true;
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), Code::cancelled);
        EXPECT_EQ(cut->state().step, before.step);
        EXPECT_EQ(cut->state().data_step, before.data_step);
        ++cancelled;
      }
      signaller.join();
      if (made) goto next;
    }
    losses.push_back(cut->step(nullptr).loss);
  next:;
  }
  EXPECT_GT(cancelled, 0);
  EXPECT_EQ(losses, expected);
  EXPECT_EQ(test::values_of(*adapter), wanted);
}

TEST_F(Step, of_callers_rows_is_the_step_of_the_same_data) {
  TrainerOptions options;
  options.shuffle = false;
  options.batch_size = 3;
  options.accumulation = 2;
  options.max_steps = 4;
  const auto data = trainer(options);
  std::vector<double> expected = {data->step(nullptr).loss, data->step(nullptr).loss};
  const auto wanted = test::values_of(*adapter);
  const auto given = trainer(options);
  const std::vector<TokenRow> all = test::views(rows);
  EXPECT_EQ(given->step_rows(std::span(all).subspan(0, 6), nullptr).loss, expected[0]);
  EXPECT_EQ(given->step_rows(std::span(all).subspan(6, 6), nullptr).loss, expected[1]);
  EXPECT_EQ(test::values_of(*adapter), wanted);
  EXPECT_EQ(given->state().data_step, 0);

  const std::vector<int32_t> beyond = {1, 2, 96};
  EXPECT_ERROR(Code::mismatch, "96", given->step_rows(std::vector<TokenRow>{{beyond, {}}}, nullptr));
  EXPECT_ERROR(Code::state, "", given->step_rows({}, nullptr));
  EXPECT_EQ(given->state().step, 2);
}

TEST_F(Step, of_callers_rows_takes_none_of_the_plan) {
  TrainerOptions options;
  options.epochs = 2;
  options.warmup_ratio = 0;
  options.schedule = Schedule::linear;
  options.learning_rate = 1;
  const auto run = trainer(options);
  EXPECT_EQ(run->total_steps(), 4);
  const std::vector<TokenRow> all = test::views(rows);
  std::vector<double> rates;
  std::vector<int64_t> totals;
  const auto note = [&](const TrainEvent& event) {
    rates.push_back(event.learning_rate);
    totals.push_back(event.total_steps);
  };
  note(run->step(nullptr));
  note(run->step_rows(std::span(all).first(2), nullptr));
  note(run->step_rows(std::span(all).first(2), nullptr));
  while (true) {
    const TrainEvent event = run->next(nullptr);
    if (event.kind == EventKind::end) break;
    if (event.kind == EventKind::step) note(event);
  }
  EXPECT_EQ(run->state().data_step, 4);
  EXPECT_EQ(run->state().step, 6);
  EXPECT_EQ(run->state().epoch, 2.0);
  EXPECT_EQ(totals, (std::vector<int64_t>{4, 5, 6, 6, 6, 6}));
  EXPECT_EQ(rates, (std::vector<double>{1, 3.0 / 4, 3.0 / 5, 3.0 / 6, 2.0 / 6, 1.0 / 6}));
}

TEST_F(Step, of_callers_rows_without_a_data_set_ends_with_max_steps) {
  dataset = nullptr;
  TrainerOptions options;
  options.max_steps = 2;
  const auto run = trainer(options);
  const std::vector<TokenRow> all = test::views(rows);
  for (int i = 0; i < 2; ++i) EXPECT_EQ(run->step_rows(all, nullptr).kind, EventKind::step);
  const auto before = test::values_of(*adapter);
  EXPECT_EQ(run->step_rows(all, nullptr).kind, EventKind::end);
  EXPECT_EQ(run->state().step, 2);
  EXPECT_EQ(test::values_of(*adapter), before);
}

// 12 rows, 8 a step: the second step of an epoch has 4 rows, divided by their own tokens.
TEST_F(Step, at_the_end_of_an_epoch_is_divided_by_its_own_tokens) {
  TrainerOptions options;
  options.shuffle = false;
  options.learning_rate = 0;
  options.epochs = 2;
  const auto run = trainer(options, plain_lora);
  EXPECT_EQ(run->total_steps(), 4);
  for (const size_t begin : {size_t{0}, size_t{8}}) {
    std::vector<RowView> part;
    for (size_t r = begin; r < std::min<size_t>(begin + 8, rows.size()); ++r)
      part.push_back(dataset->row(static_cast<int64_t>(r)));
    const Loss expected = loss_of(part);
    const TrainEvent event = run->step(nullptr);
    EXPECT_EQ(event.loss_tokens, expected.tokens);
    EXPECT_NEAR(event.loss, expected.sum / static_cast<double>(expected.tokens), 1e-5);
  }
  EXPECT_EQ(run->state().epoch, 1.0);
}

TEST_F(Step, with_packing_has_the_loss_of_the_rows_apart) {
  TrainerOptions options;
  options.shuffle = false;
  options.learning_rate = 0;
  options.batch_size = 4;
  options.accumulation = 8;
  options.max_steps = 1;
  const double apart = trainer(options, plain_lora)->step(nullptr).loss;
  options.packing = true;
  options.packing_length = 128;
  EXPECT_NEAR(trainer(options, plain_lora)->step(nullptr).loss, apart, 1e-5);
}

TEST_F(Step, counts_only_labels_that_are_not_ignored) {
  const RowView row = dataset->row(2);
  const auto context = test::test_context();
  Workspace workspace(*context);
  const std::vector<int32_t> labels(row.labels.begin(), row.labels.end());
  int64_t counted = 0;
  for (size_t i = 1; i < labels.size(); ++i) counted += labels[i] != ignored_label;
  ASSERT_LT(counted, static_cast<int64_t>(labels.size()) - 1);
  const Loss masked = loss_of(std::vector<RowView>{row});
  EXPECT_EQ(masked.tokens, counted);
  // The whole row's loss less that of the other half of the labels.
  std::vector<int32_t> opposite(labels.size());
  for (size_t i = 0; i < labels.size(); ++i)
    opposite[i] = labels[i] == ignored_label ? row.ids[i] : ignored_label;
  const Loss whole = loss_of(std::vector<RowView>{{row.ids, row.ids, 0, 0}});
  const Loss others = loss_of(std::vector<RowView>{{row.ids, opposite, 0, 0}});
  EXPECT_NEAR(masked.sum, whole.sum - others.sum, 1e-4);
}

TEST_F(Step, evaluation_keeps_the_best_and_stops_early) {
  TrainerOptions options;
  options.eval_steps = 1;
  options.early_stopping_patience = 2;
  options.max_steps = 50;
  options.schedule = Schedule::constant;
  options.learning_rate = 0.02;
  options.warmup_ratio = 0;
  // Rows of one token alone: the better they are learnt, the worse the rows of all others fare.
  const std::shared_ptr<const Dataset> others = dataset;
  const std::vector<int32_t> same(12, 7);
  dataset = std::make_shared<const Dataset>(Dataset::from_rows(std::vector<TokenRow>(8, TokenRow{same, {}})));
  const auto run = trainer(options, plain_lora, others);
  double best = 1e9;
  TrainEvent event;
  for (event = run->next(nullptr); event.kind != EventKind::end; event = run->next(nullptr))
    if (event.kind == EventKind::evaluation) best = std::min(best, event.evaluation.loss);
  EXPECT_TRUE(event.stopped_early);
  EXPECT_LT(run->state().step, 50);
  EXPECT_EQ(event.best_eval_loss, best);
  EXPECT_EQ(run->evaluate_on(*others, nullptr).loss, best);
}

TEST_F(Step, options_are_checked) {
  const auto with = [&](auto&& change) {
    TrainerOptions options;
    change(options);
    return trainer(options);
  };
  EXPECT_ERROR(Code::invalid_argument, "batch_size", with([](auto& o) { o.batch_size = 0; }));
  EXPECT_ERROR(Code::invalid_argument, "epochs", with([](auto& o) { o.epochs = std::nan(""); }));
  EXPECT_ERROR(Code::invalid_argument, "learning_rate",
               with([](auto& o) { o.learning_rate = std::nan(""); }));
  EXPECT_ERROR(Code::invalid_argument, "beta1", with([](auto& o) { o.beta1 = 1; }));
  EXPECT_ERROR(Code::invalid_argument, "save_steps", with([](auto& o) { o.save_steps = 1; }));
  EXPECT_ERROR(Code::invalid_argument, "eval", with([](auto& o) { o.eval_steps = 1; }));
  dataset = nullptr;
  EXPECT_ERROR(Code::invalid_argument, "schedule cosine needs the number of steps", with([](auto&) {}));
  EXPECT_ERROR(Code::invalid_argument, "schedule linear needs the number of steps",
               with([](auto& o) { o.schedule = Schedule::linear; }));
  EXPECT_EQ(with([](auto& o) { o.max_steps = 5; })->learning_rate(), 0);  // the warm-up's first step
  EXPECT_EQ(with([](auto& o) { o.schedule = Schedule::constant; })->learning_rate(), 2e-4);
  EXPECT_EQ(with([](auto& o) { o.schedule = Schedule::constant, o.warmup_steps = 4; })->learning_rate(), 0);
  dataset = test::training_dataset();
  const auto first = trainer({});
  EXPECT_ERROR(Code::busy, "",
               Trainer(test::transformer_of(model), adapter, dataset, nullptr, test::test_context(), {}, ""));
}

}  // namespace
}  // namespace peft
