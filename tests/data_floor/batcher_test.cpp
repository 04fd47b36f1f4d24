#include "data/batcher.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>

#include "support/expect_error.h"

namespace peft::test {
namespace {

// Row i has lengths[i] tokens, all with value i.
Dataset dataset_of(const std::vector<int64_t>& lengths) {
  std::vector<std::vector<int32_t>> ids;
  for (size_t i = 0; i < lengths.size(); ++i) ids.emplace_back(lengths[i], static_cast<int32_t>(i));
  std::vector<TokenRow> rows;
  for (const auto& row : ids) rows.push_back({row, std::nullopt});
  return Dataset::from_rows(rows);
}

std::vector<int64_t> mixed_lengths(size_t count) {
  std::vector<int64_t> lengths(count);
  for (size_t i = 0; i < count; ++i) lengths[i] = 2 + static_cast<int64_t>(i * 7919 % 31);
  return lengths;
}

std::vector<int64_t> rows_of(const StepPlan& plan) {
  std::vector<int64_t> rows;
  for (const MicroBatch& batch : plan.micro_batches)
    rows.insert(rows.end(), batch.rows.begin(), batch.rows.end());
  return rows;
}

std::vector<int64_t> rows_of_epoch(Batcher& batcher, int64_t epoch) {
  std::vector<int64_t> rows;
  const int64_t steps = batcher.steps_per_epoch();
  for (int64_t step = epoch * steps; step < (epoch + 1) * steps; ++step) {
    const auto part = rows_of(batcher.step(step));
    rows.insert(rows.end(), part.begin(), part.end());
  }
  return rows;
}

std::vector<int64_t> counted(size_t count) {
  std::vector<int64_t> numbers(count);
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

std::vector<int64_t> sorted(std::vector<int64_t> numbers) {
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

TEST(Batcher, WithoutShuffleGoesInOrderAndStepsTheRest) {
  const Dataset dataset = dataset_of({2, 3, 4, 5, 6, 7, 8});
  Batcher batcher(dataset, {.batch_size = 2, .accumulation = 2, .shuffle = false});
  EXPECT_EQ(batcher.units(), 7);
  EXPECT_EQ(batcher.micro_batches_per_epoch(), 4);
  EXPECT_EQ(batcher.steps_per_epoch(), 2);
  const StepPlan first = batcher.step(0), last = batcher.step(1);
  ASSERT_EQ(first.micro_batches.size(), 2u);
  EXPECT_EQ(first.micro_batches[1].rows, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(first.micro_batches[1].first_row_number, 2);
  EXPECT_EQ(first.micro_batches[1].tokens, 9);
  EXPECT_EQ(first.micro_batches[1].loss_tokens, 7);
  EXPECT_EQ(first.rows, 4);
  EXPECT_EQ(first.tokens, 14);
  EXPECT_EQ(first.loss_tokens, 10);
  EXPECT_EQ(first.epoch, 0);
  EXPECT_DOUBLE_EQ(first.epoch_end, 4.0 / 7);
  EXPECT_EQ(rows_of(last), (std::vector<int64_t>{4, 5, 6}));
  EXPECT_EQ(last.loss_tokens, 5 + 6 + 7);
  EXPECT_DOUBLE_EQ(last.epoch_end, 1.0);
  EXPECT_EQ(rows_of(batcher.step(2)), (std::vector<int64_t>{0, 1, 2, 3}));
  EXPECT_EQ(batcher.step(2).epoch, 1);
}

TEST(Batcher, EveryRowOnceAnEpoch) {
  for (const size_t count : {1, 2, 7, 64, 101})
    for (const bool shuffle : {false, true})
      for (const bool packing : {false, true}) {
        const Dataset dataset = dataset_of(mixed_lengths(count));
        Batcher batcher(dataset,
                        {.batch_size = 3, .accumulation = 2, .shuffle = shuffle, .packing = packing});
        for (int64_t epoch = 0; epoch < 3; ++epoch) {
          const auto rows = rows_of_epoch(batcher, epoch);
          EXPECT_EQ(sorted(rows), counted(count));
          EXPECT_TRUE(shuffle || rows == counted(count));
        }
      }
}

TEST(Batcher, OrderDependsOnSeedAndEpochAlone) {
  const Dataset dataset = dataset_of(mixed_lengths(50));
  const BatchOptions options = {.batch_size = 4, .accumulation = 2, .seed = 5};
  Batcher a(dataset, options), b(dataset, options);
  BatchOptions other_seed = options;
  other_seed.seed = 6;
  Batcher c(dataset, other_seed);
  EXPECT_EQ(rows_of_epoch(a, 3), rows_of_epoch(b, 3));
  EXPECT_NE(rows_of_epoch(a, 3), rows_of_epoch(a, 4));
  EXPECT_NE(rows_of_epoch(a, 3), rows_of_epoch(c, 3));
  EXPECT_NE(rows_of_epoch(a, 0), counted(50));
  // How rows are grouped changes no order.
  Batcher d(dataset, {.batch_size = 1, .accumulation = 50, .seed = 5});
  EXPECT_EQ(rows_of_epoch(a, 3), rows_of_epoch(d, 3));
}

TEST(Batcher, AnyStepCanComeFirst) {
  const Dataset dataset = dataset_of(mixed_lengths(37));
  for (const bool packing : {false, true}) {
    const BatchOptions options = {
        .batch_size = 2, .accumulation = 3, .packing = packing, .packing_length = 40};
    Batcher through(dataset, options);
    for (int64_t step = 0; step < 3 * through.steps_per_epoch(); ++step) {
      Batcher resumed(dataset, options);
      const StepPlan expected = through.step(step), plan = resumed.step(step);
      EXPECT_EQ(rows_of(plan), rows_of(expected)) << step;
      EXPECT_EQ(plan.loss_tokens, expected.loss_tokens);
      EXPECT_EQ(plan.epoch_end, expected.epoch_end);
    }
  }
}

TEST(Batcher, EveryRowMayComeFirst) {
  const Dataset dataset = dataset_of({2, 2, 2});
  std::set<std::vector<int64_t>> orders;
  Batcher batcher(dataset, {.batch_size = 1, .accumulation = 1});
  for (int64_t epoch = 0; epoch < 100; ++epoch) orders.insert(rows_of_epoch(batcher, epoch));
  EXPECT_EQ(orders.size(), 6u);
}

TEST(Batcher, PackingFillsMicroBatchesWithBins) {
  const Dataset dataset = dataset_of({6, 4, 5, 5, 9, 3});
  Batcher in_order(
      dataset, {.batch_size = 1, .accumulation = 2, .shuffle = false, .packing = true, .packing_length = 10});
  EXPECT_EQ(in_order.units(), 4);
  EXPECT_EQ(in_order.step(0).micro_batches[1].rows, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(in_order.step(0).micro_batches[1].first_row_number, 2);
  Batcher shuffled(dataset, {.batch_size = 1, .accumulation = 1, .packing = true, .packing_length = 10});
  EXPECT_EQ(shuffled.units(), 4);
  for (int64_t step = 0; step < 8; ++step) EXPECT_LE(shuffled.step(step).tokens, 10);
  // Without a length the longest row gives it.
  Batcher longest(dataset, {.batch_size = 1, .accumulation = 1, .packing = true});
  for (int64_t step = 0; step < longest.steps_per_epoch(); ++step) EXPECT_LE(longest.step(step).tokens, 9);
}

TEST(Batcher, CountsStepsOfEpochs) {
  const Dataset dataset = dataset_of(mixed_lengths(20));
  Batcher batcher(dataset, {.batch_size = 2, .accumulation = 4});
  EXPECT_EQ(batcher.steps_per_epoch(), 3);
  EXPECT_EQ(batcher.total_steps(3), 9);
  EXPECT_EQ(batcher.total_steps(0.5), 2);
  EXPECT_EQ(batcher.total_steps(1e-9), 1);
  for (const double wrong : {0.0, -1.0, std::nan(""), std::numeric_limits<double>::infinity(), 1e300})
    EXPECT_ERROR(Code::invalid_argument, "epochs", batcher.total_steps(wrong));
}

TEST(Batcher, FindsTheLargestMicroBatch) {
  const Dataset dataset = dataset_of({2, 3, 40, 5, 6, 7, 8});
  Batcher batcher(dataset, {.batch_size = 2, .accumulation = 2, .shuffle = false});
  EXPECT_EQ(batcher.largest_micro_batch(1), 45);
  Batcher shuffled(dataset, {.batch_size = 2, .accumulation = 1});
  int64_t largest = 0;
  for (int64_t step = 0; step < 8; ++step) largest = std::max(largest, shuffled.step(step).tokens);
  EXPECT_EQ(shuffled.largest_micro_batch(8), largest);
}

TEST(Batcher, RefusesSizesThatMakeNoSense) {
  const Dataset dataset = dataset_of({2});
  EXPECT_ERROR(Code::invalid_argument, "batch_size: expected 1 to", Batcher(dataset, {.batch_size = 0}));
  EXPECT_ERROR(Code::invalid_argument, "gradient_accumulation_steps",
               Batcher(dataset, {.accumulation = INT64_MAX}));
  EXPECT_ERROR(Code::invalid_argument, "packing_length", Batcher(dataset, {.packing_length = -1}));
  EXPECT_ERROR(Code::invalid_argument, "step", Batcher(dataset, {}).step(-1));
}

TEST(PlanAll, IsOneStepInOrder) {
  const Dataset dataset = dataset_of({2, 3, 4, 5, 6});
  const StepPlan plan = plan_all(dataset, 2);
  ASSERT_EQ(plan.micro_batches.size(), 3u);
  EXPECT_EQ(rows_of(plan), counted(5));
  EXPECT_EQ(plan.tokens, 20);
  EXPECT_EQ(plan.loss_tokens, 15);
}

}  // namespace
}  // namespace peft::test
