// Which rows make up which step: a pure function of options and data set, so that resuming needs the step's
// number alone.
//
// An epoch visits every row exactly once. Its units (rows; with packing, bins of rows) are cut into
// micro-batches of batch_size units, and these into steps of `accumulation` micro-batches; the last of either
// may be smaller. With shuffle each epoch has its own order, drawn from (seed, epoch).
#pragma once

#include <cstdint>
#include <vector>

#include "data/dataset.h"

namespace peft {

struct BatchOptions {
  int64_t batch_size = 2;    // units a micro-batch
  int64_t accumulation = 4;  // micro-batches a step
  bool shuffle = true;
  uint64_t seed = 42;
  bool packing = false;        // short rows share a sequence; each stays a row of its own in the row map
  int64_t packing_length = 0;  // tokens of a packed sequence; 0 = the longest row
};

struct MicroBatch {
  std::vector<int64_t> rows;     // of the data set, in the order of the pass
  int64_t first_row_number = 0;  // rows[i] is row first_row_number + i of its step: dropout's row counter
  int64_t tokens = 0, loss_tokens = 0;
};

struct StepPlan {
  std::vector<MicroBatch> micro_batches;
  int64_t rows = 0, tokens = 0;
  int64_t loss_tokens = 0;  // of the whole step, what its loss is divided by; never 0
  int64_t epoch = 0;        // the first is 0
  double epoch_end = 0;     // passes over the data when the step is done
};

// Keeps a pointer to the data set and the order of one epoch. One thread.
class Batcher {
 public:
  // Code::invalid_argument for sizes below 1 (packing_length: below 0).
  Batcher(const Dataset& dataset, BatchOptions options);

  int64_t units() const { return units_; }  // an epoch
  int64_t micro_batches_per_epoch() const;
  int64_t steps_per_epoch() const { return steps_per_epoch_; }  // the same for every epoch
  // ceil(epochs * steps_per_epoch()). Code::invalid_argument unless 0 < epochs and the result is below 2^53.
  int64_t total_steps(double epochs) const;
  // Step `index` (the first is 0) of an endless training. Random access; going on within an epoch is cheap.
  StepPlan step(int64_t index);
  // Tokens of the largest micro-batch among the first `steps` steps: for the memory estimate.
  int64_t largest_micro_batch(int64_t steps);

 private:
  void arrange(int64_t epoch);

  const Dataset* dataset_;
  BatchOptions options_;
  int64_t units_ = 0, steps_per_epoch_ = 0;
  int64_t arranged_epoch_ = -1;
  std::vector<uint32_t> order_;  // rows in the order of the epoch
  std::vector<int64_t> bounds_;  // [units + 1] into order_; empty when a unit is one row
};

// Rows of a data set in their order, batch_size at a time, all in one step: rows given to a single step.
StepPlan plan_all(const Dataset& dataset, int64_t batch_size);

}  // namespace peft
