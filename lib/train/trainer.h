// Trains one adapter on one resident model. One thread at a time.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "adapters/adapter.h"
#include "data/batcher.h"
#include "data/dataset.h"
#include "train/evaluate.h"
#include "train/optimizer.h"
#include "train/options.h"

namespace peft {

enum class EventKind : uint8_t { step, evaluation, checkpoint, end };

// What happened; figures that do not belong to the event are 0.
struct TrainEvent {
  EventKind kind = EventKind::step;
  int64_t step = 0;  // the figures belong to this step; the first is 1
  int64_t total_steps = 0;
  double epoch = 0;
  double loss = 0;  // mean over the step's loss-bearing tokens
  double learning_rate = 0, gradient_norm = 0;
  int64_t tokens = 0, loss_tokens = 0;
  double seconds = 0;
  bool skipped = false;
  Evaluation evaluation;
  double best_eval_loss = 0;
  int64_t best_step = -1;
  bool is_best = false, stopped_early = false;
};

// Counters that a checkpoint keeps.
struct TrainerState {
  int64_t step = 0;       // steps made, skipped and caller-given ones included: dropout's counter
  int64_t data_step = 0;  // steps taken from the data set
  int64_t applied = 0;    // updates: AdamW's t
  int64_t skipped = 0, skipped_in_row = 0;
  int64_t tokens = 0;
  double epoch = 0;
  double last_loss = 0;
  double learning_rate = 0;  // base of the schedule
  int64_t evaluated_step = -1, checkpoint_step = -1;
  double best_eval_loss = 0;
  int64_t best_step = -1;
  int64_t evaluations_since_best = 0;
  bool stopped_early = false, finished = false;
};

class Trainer {
 public:
  // `model` must stay as it is while the trainer lives. `dataset` and `eval_dataset` may be null. The context
  // is the trainer's own. Code::busy when another trainer has the adapter, Code::mismatch for ids beyond the
  // vocabulary, Code::invalid_argument for option values, Code::state when nothing of the adapter trains.
  Trainer(std::shared_ptr<const Transformer> model, std::shared_ptr<Adapter> adapter,
          std::shared_ptr<const Dataset> dataset, std::shared_ptr<const Dataset> eval_dataset,
          std::unique_ptr<Context> context, TrainerOptions options, std::string base_name);
  ~Trainer();

  // The next step of the data; an event of kind end when all have been made. A cancelled or failed step
  // changes nothing: the next call repeats it. Code::numeric after too many skipped steps in a row.
  TrainEvent step(const CancelToken* cancel);
  // One step of the given rows. With a data set it is one more than the data set's; without, one of
  // max_steps.
  TrainEvent step_rows(std::span<const TokenRow> rows, const CancelToken* cancel);
  // The next thing of the plan: evaluation, checkpoint, step or end.
  TrainEvent next(const CancelToken* cancel);
  Evaluation evaluate_on(const Dataset& dataset, const CancelToken* cancel);

  // train/checkpoint.cpp. An empty path is output_dir/checkpoint-<step>.
  void checkpoint(const std::string& path, const CancelToken* cancel);
  // `path` is a checkpoint, or a folder of which the newest complete one is taken. Returns notes on those
  // passed over.
  std::string resume(const std::string& path);

  const TrainerState& state() const { return state_; }
  const TrainerOptions& options() const { return options_; }
  int64_t total_steps() const;   // of the plan, and of given rows beside it; 0: unknown
  double learning_rate() const;  // of the next step
  void set_learning_rate(double base);
  bool finished() const;
  Context& context() { return *context_; }
  const Optimizer& optimizer() const { return *optimizer_; }
  const Adapter& adapter() const { return *adapter_; }
  const std::shared_ptr<const Dataset>& eval_dataset() const { return eval_dataset_; }
  int64_t trainable_elements() const;

 private:
  TrainEvent run_step(const Dataset& data, const StepPlan& plan, const CancelToken* cancel);
  TrainEvent make_evaluation(const CancelToken* cancel);
  TrainEvent finish();
  TrainEvent nothing_left() const;
  void check_can_step() const;
  bool plan_is_done() const;
  void put_best_back();
  bool evaluation_due() const;
  bool checkpoint_due() const;
  Json signature() const;

  std::shared_ptr<const Transformer> model_;
  std::shared_ptr<Adapter> adapter_;
  std::shared_ptr<const Dataset> dataset_, eval_dataset_;
  std::unique_ptr<Context> context_;
  TrainerOptions options_;
  std::string base_name_;
  std::unique_ptr<Adapter::Training> training_;
  std::unique_ptr<Optimizer> optimizer_;
  std::shared_ptr<const HookTable> hooks_;
  std::unique_ptr<Workspace> workspace_;
  std::optional<Batcher> batcher_;
  int64_t planned_steps_ = 0;  // of the data set, or max_steps without one; 0: unknown
  TrainerState state_;
  bool output_dir_cleaned_ = false;
  std::vector<Tensor> best_;  // the adapter's buffers at best_step, when they are kept
};

}  // namespace peft
