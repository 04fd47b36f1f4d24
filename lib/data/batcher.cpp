#include "data/batcher.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "base/checked.h"
#include "base/error.h"
#include "base/random.h"
#include "data/packing.h"

namespace peft {
namespace {

// "orde": keeps the draws for the order apart from others of the same seed.
constexpr uint64_t order_stream = uint64_t{0x6f726465} << 32;

// Fisher-Yates.
template <typename T>
void shuffle(std::vector<T>& items, RandomStream& random) {
  for (size_t i = items.size(); i > 1; --i)
    std::swap(items[i - 1], items[random.below(static_cast<uint32_t>(i))]);
}

Bins shuffled_bins(const Bins& bins, RandomStream& random) {
  std::vector<uint32_t> places(static_cast<size_t>(bins.count()));
  std::iota(places.begin(), places.end(), 0u);
  shuffle(places, random);
  Bins result;
  result.order.reserve(bins.order.size());
  for (const uint32_t place : places) {
    result.order.insert(result.order.end(), bins.order.begin() + bins.bounds[place],
                        bins.order.begin() + bins.bounds[place + 1]);
    result.bounds.push_back(static_cast<int64_t>(result.order.size()));
  }
  return result;
}

void check_size(const char* name, int64_t value, int64_t minimum) {
  check(value >= minimum && value <= INT32_MAX, Code::invalid_argument, "{}: expected {} to {}, found {}",
        name, minimum, INT32_MAX, value);
}

}  // namespace

Batcher::Batcher(const Dataset& dataset, BatchOptions options) : dataset_(&dataset), options_(options) {
  check_size("batch_size", options.batch_size, 1);
  check_size("gradient_accumulation_steps", options.accumulation, 1);
  check_size("packing_length", options.packing_length, 0);
  arrange(0);
  units_ = bounds_.empty() ? static_cast<int64_t>(order_.size()) : static_cast<int64_t>(bounds_.size()) - 1;
  steps_per_epoch_ = divide_up(micro_batches_per_epoch(), options_.accumulation);
}

int64_t Batcher::micro_batches_per_epoch() const { return divide_up(units_, options_.batch_size); }

int64_t Batcher::total_steps(double epochs) const {
  const double steps = std::ceil(epochs * static_cast<double>(steps_per_epoch_));
  check(epochs > 0 && steps < 0x1p53, Code::invalid_argument,
        "epochs: expected a number above 0 with fewer than 2^53 steps, found {}", epochs);
  return static_cast<int64_t>(steps);
}

void Batcher::arrange(int64_t epoch) {
  if (arranged_epoch_ == epoch || (arranged_epoch_ >= 0 && !options_.shuffle)) return;
  arranged_epoch_ = -1;  // until all is in place
  std::vector<uint32_t> order(static_cast<size_t>(dataset_->rows()));
  std::iota(order.begin(), order.end(), 0u);
  RandomStream random(options_.seed, order_stream + static_cast<uint64_t>(epoch));
  if (options_.shuffle) shuffle(order, random);
  if (options_.packing) {
    std::vector<int32_t> lengths(order.size());
    for (size_t i = 0; i < lengths.size(); ++i)
      lengths[i] = checked_cast<int32_t>(dataset_->length(static_cast<int64_t>(i)), "length of a row");
    const int64_t capacity =
        options_.packing_length > 0 ? options_.packing_length : dataset_->info().longest_row;
    Bins bins = options_.shuffle ? shuffled_bins(pack_tightly(order, lengths, capacity), random)
                                 : pack_in_order(order, lengths, capacity);
    PEFT_ASSERT(units_ == 0 || bins.count() == units_);
    order_ = std::move(bins.order);
    bounds_ = std::move(bins.bounds);
  } else {
    order_ = std::move(order);
  }
  arranged_epoch_ = epoch;
}

StepPlan Batcher::step(int64_t index) {
  check(index >= 0, Code::invalid_argument, "step: expected 0 or more, found {}", index);
  StepPlan plan;
  plan.epoch = index / steps_per_epoch_;
  arrange(plan.epoch);
  const int64_t first_batch = index % steps_per_epoch_ * options_.accumulation;
  const int64_t last_batch = std::min(first_batch + options_.accumulation, micro_batches_per_epoch());
  for (int64_t number = first_batch; number < last_batch; ++number) {
    const int64_t begin = number * options_.batch_size, end = std::min(begin + options_.batch_size, units_);
    MicroBatch batch;
    batch.first_row_number = plan.rows;
    const auto row_of_unit = [&](int64_t unit) {
      return bounds_.empty() ? unit : bounds_[static_cast<size_t>(unit)];
    };
    for (int64_t at = row_of_unit(begin); at < row_of_unit(end); ++at) {
      const int64_t row = order_[static_cast<size_t>(at)];
      batch.rows.push_back(row);
      batch.tokens += dataset_->length(row);
      batch.loss_tokens += dataset_->loss_tokens(row);
    }
    plan.rows += static_cast<int64_t>(batch.rows.size());
    plan.tokens += batch.tokens;
    plan.loss_tokens += batch.loss_tokens;
    plan.epoch_end = static_cast<double>(plan.epoch) + static_cast<double>(end) / static_cast<double>(units_);
    plan.micro_batches.push_back(std::move(batch));
  }
  return plan;
}

int64_t Batcher::largest_micro_batch(int64_t steps) {
  if (!options_.shuffle) steps = std::min(steps, steps_per_epoch_);
  int64_t largest = 0;
  for (int64_t index = 0; index < steps; ++index)
    for (const MicroBatch& batch : step(index).micro_batches) largest = std::max(largest, batch.tokens);
  return largest;
}

StepPlan plan_all(const Dataset& dataset, int64_t batch_size) {
  check_size("batch_size", batch_size, 1);
  BatchOptions options;
  options.batch_size = batch_size;
  options.accumulation = divide_up(dataset.rows(), batch_size);
  options.shuffle = false;
  return Batcher(dataset, options).step(0);
}

}  // namespace peft
