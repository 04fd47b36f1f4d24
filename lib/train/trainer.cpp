#include "train/trainer.h"

#include <chrono>
#include <cmath>
#include <limits>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "train/schedule.h"

namespace peft {
namespace {

void check_options(const TrainerOptions& options, bool has_dataset, const Dataset* eval_dataset) {
  const auto positive = [](int64_t value, const char* name) {
    check(value > 0, Code::invalid_argument, "{} must be at least 1, not {}", name, value);
  };
  const auto in_range = [](double value, double low, double high, const char* name) {
    check(value >= low && value <= high, Code::invalid_argument, "{} must be between {} and {}, not {}", name,
          low, high, value);
  };
  positive(options.batch_size, "batch_size");
  positive(options.accumulation, "gradient_accumulation_steps");
  positive(options.max_skipped_in_row, "max_skipped_in_row");
  check(std::isfinite(options.epochs) && options.epochs > 0, Code::invalid_argument,
        "epochs must be above 0, not {}", options.epochs);
  for (const int64_t count :
       {options.max_steps, options.warmup_steps, options.packing_length, options.eval_steps,
        options.save_steps, options.save_total_limit, options.early_stopping_patience})
    check(count >= 0, Code::invalid_argument, "a count among the trainer's options is negative: {}", count);
  in_range(options.learning_rate, 0, 1e6, "learning_rate");
  in_range(options.warmup_ratio, 0, 1, "warmup_ratio");
  in_range(options.weight_decay, 0, 1e6, "weight_decay");
  in_range(options.beta1, 0, 0.999999999, "beta1");
  in_range(options.beta2, 0, 0.999999999, "beta2");
  in_range(options.epsilon, 0, 1, "epsilon");
  in_range(options.max_grad_norm, 0, std::numeric_limits<double>::max(), "max_grad_norm");
  check(options.schedule == Schedule::constant || has_dataset || options.max_steps > 0,
        Code::invalid_argument,
        "schedule {} needs the number of steps: without a data set give max_steps, or schedule constant",
        options.schedule == Schedule::linear ? "linear" : "cosine");
  check(options.save_steps == 0 || !options.output_dir.empty(), Code::invalid_argument,
        "save_steps needs an output_dir");
  check((options.eval_steps == 0 && options.early_stopping_patience == 0) || eval_dataset,
        Code::invalid_argument, "eval_steps and early_stopping_patience need an eval_dataset");
}

}  // namespace

Trainer::Trainer(std::shared_ptr<const Transformer> model, std::shared_ptr<Adapter> adapter,
                 std::shared_ptr<const Dataset> dataset, std::shared_ptr<const Dataset> eval_dataset,
                 std::unique_ptr<Context> context, TrainerOptions options, std::string base_name)
    : model_(std::move(model)),
      adapter_(std::move(adapter)),
      dataset_(std::move(dataset)),
      eval_dataset_(std::move(eval_dataset)),
      context_(std::move(context)),
      options_(std::move(options)),
      base_name_(std::move(base_name)) {
  check_options(options_, dataset_ != nullptr, eval_dataset_.get());
  if (dataset_) check_vocabulary(*model_, *dataset_);
  if (eval_dataset_) check_vocabulary(*model_, *eval_dataset_);
  check(options_.activations != ActivationPolicy::offload || context_->pinned_pool() != nullptr, Code::unsupported,
        "layer inputs cannot be offloaded to host memory: the model's device has no other memory");
  check(options_.optimizer != MemoryPlace::host || context_->has_host_memory(), Code::unsupported,
        "optimizer_placement: the optimizer's moments cannot be placed in host memory beside the device's: the model's "
        "device has no other memory");
  context_->arithmetic = options_.arithmetic;
  training_ = Adapter::begin_training(adapter_, *context_);
  check(!training_->buffers().empty(), Code::state, "adapter '{}' has nothing to train", adapter_->name());
  optimizer_ = std::make_unique<Optimizer>(*context_, training_->flat(), options_.optimizer);
  hooks_ = training_->hooks();
  workspace_ = std::make_unique<Workspace>(*context_);
  if (dataset_) {
    BatchOptions batches;
    batches.batch_size = options_.batch_size;
    batches.accumulation = options_.accumulation;
    batches.shuffle = options_.shuffle;
    batches.seed = options_.seed;
    batches.packing = options_.packing;
    batches.packing_length = options_.packing_length;
    batcher_.emplace(*dataset_, batches);
    planned_steps_ = options_.max_steps > 0 ? options_.max_steps : batcher_->total_steps(options_.epochs);
  } else {
    planned_steps_ = options_.max_steps;
  }
  state_.learning_rate = options_.learning_rate;
}

Trainer::~Trainer() = default;

int64_t Trainer::trainable_elements() const { return adapter_->parameter_count(); }

int64_t Trainer::total_steps() const {
  return dataset_ ? planned_steps_ + state_.step - state_.data_step : planned_steps_;
}

bool Trainer::plan_is_done() const {
  return planned_steps_ > 0 && (dataset_ ? state_.data_step : state_.step) >= planned_steps_;
}

double Trainer::learning_rate() const {
  const int64_t total = planned_steps_ > 0 ? total_steps() : std::numeric_limits<int32_t>::max();
  return state_.learning_rate *
         schedule_factor(options_.schedule, state_.step, warmup_steps(options_, planned_steps_), total);
}

void Trainer::set_learning_rate(double base) {
  check(base >= 0 && base <= 1e6, Code::invalid_argument, "learning_rate must be between 0 and 1e6, not {}",
        base);
  state_.learning_rate = base;
}

bool Trainer::finished() const { return state_.finished; }

TrainEvent Trainer::run_step(const Dataset& data, const StepPlan& plan, const CancelToken* cancel) {
  const auto start = std::chrono::steady_clock::now();
  const CancelScope scope(*context_, cancel);
  optimizer_->zero_gradients();
  LossOptions options;
  options.pass.training = true;
  options.pass.checkpoint_activations = options_.activations != ActivationPolicy::keep;
  options.pass.offload_activations = options_.activations == ActivationPolicy::offload;
  options.pass.seed = options_.seed;
  options.pass.step = static_cast<uint32_t>(state_.step);
  options.adapters = {hooks_};
  options.backward = true;
  options.gradient_scale = static_cast<float>(1.0 / static_cast<double>(plan.loss_tokens));
  std::vector<Tensor> losses;
  for (const MicroBatch& batch : plan.micro_batches) {
    std::vector<RowView> rows;
    for (const int64_t row : batch.rows) rows.push_back(data.row(row));
    options.first_row_number = static_cast<int32_t>(batch.first_row_number);
    losses.push_back(micro_batch_loss(*model_, *workspace_, rows, options).losses);
  }
  // Read once all of the step is on its way: a device does not wait for the host between micro-batches, and the host once
  // for the device.
  const Tensor squares = optimizer_->squared_norm();
  double sum = 0;
  for (const Tensor& each : losses) sum += loss_sum(*context_, each);
  TrainEvent event;
  event.loss = sum / static_cast<double>(plan.loss_tokens);
  event.gradient_norm = std::sqrt(static_cast<double>(context_->to_host(squares)[0]));
  event.learning_rate = learning_rate();
  poll(cancel);
  // From here on nothing fails: the step is made or skipped.
  event.skipped = !std::isfinite(event.loss) || !std::isfinite(event.gradient_norm);
  if (event.skipped) {
    ++state_.skipped;
    ++state_.skipped_in_row;
    log(LogLevel::warning, "step {} skipped: loss {}, gradient norm {}", state_.step + 1, event.loss,
        event.gradient_norm);
  } else {
    // torch.nn.utils.clip_grad_norm_.
    const double clip = options_.max_grad_norm > 0
                            ? std::min(1.0, options_.max_grad_norm / (event.gradient_norm + 1e-6))
                            : 1.0;
    training_->update([&] { optimizer_->step(options_, event.learning_rate, clip); });
    ++state_.applied;
    state_.skipped_in_row = 0;
    state_.last_loss = event.loss;
  }
  ++state_.step;
  state_.tokens += plan.tokens;
  event.step = state_.step;
  event.tokens = plan.tokens;
  event.loss_tokens = plan.loss_tokens;
  event.seconds = seconds_since(start);
  return event;
}

void Trainer::check_can_step() const {
  check(state_.skipped_in_row < options_.max_skipped_in_row, Code::numeric,
        "{} steps in a row had a non-finite loss or gradient; the adapter's values are those of the last "
        "good step",
        state_.skipped_in_row);
}

TrainEvent Trainer::nothing_left() const {
  TrainEvent event;
  event.kind = EventKind::end;
  event.step = state_.step;
  event.total_steps = total_steps();
  event.epoch = state_.epoch;
  return event;
}

TrainEvent Trainer::step(const CancelToken* cancel) {
  check(batcher_.has_value(), Code::state, "the trainer has no data set; give the step its rows");
  check_can_step();
  if (state_.finished || plan_is_done()) return nothing_left();
  const StepPlan plan = batcher_->step(state_.data_step);
  TrainEvent event = run_step(*dataset_, plan, cancel);
  ++state_.data_step;
  event.total_steps = total_steps();
  event.epoch = state_.epoch = plan.epoch_end;
  return event;
}

TrainEvent Trainer::step_rows(std::span<const TokenRow> rows, const CancelToken* cancel) {
  check_can_step();
  if (!dataset_ && plan_is_done()) return nothing_left();
  DatasetOptions options;
  options.max_seq_len = 0;
  const Dataset given = Dataset::from_rows(rows, options);
  check_vocabulary(*model_, given);
  TrainEvent event = run_step(given, plan_all(given, options_.batch_size), cancel);
  event.total_steps = total_steps();
  event.epoch = state_.epoch;
  return event;
}

Evaluation Trainer::evaluate_on(const Dataset& dataset, const CancelToken* cancel) {
  const CancelScope scope(*context_, cancel);
  return evaluate(*model_, *workspace_, dataset, options_.batch_size, {hooks_});
}

bool Trainer::evaluation_due() const {
  if (!eval_dataset_ || state_.evaluated_step == state_.step) return false;
  if (state_.step == total_steps()) return true;
  return options_.eval_steps > 0 && state_.step % options_.eval_steps == 0;
}

bool Trainer::checkpoint_due() const {
  if (options_.save_steps == 0 || state_.step == 0 || state_.checkpoint_step == state_.step) return false;
  return state_.step % options_.save_steps == 0 || state_.step == total_steps() || state_.stopped_early;
}

TrainEvent Trainer::make_evaluation(const CancelToken* cancel) {
  TrainEvent event;
  event.kind = EventKind::evaluation;
  event.evaluation = evaluate_on(*eval_dataset_, cancel);
  event.seconds = event.evaluation.seconds;
  event.tokens = event.evaluation.tokens;
  event.loss_tokens = event.evaluation.loss_tokens;
  const double loss = event.evaluation.loss;
  event.is_best = std::isfinite(loss) && (state_.best_step < 0 || loss < state_.best_eval_loss);
  if (event.is_best) {
    if (options_.keep_best) {
      std::vector<Tensor> copies;
      for (const Tensor& buffer : training_->buffers()) {
        copies.push_back(context_->empty(buffer.shape()));
        context_->backend().copy(buffer.const_view(), copies.back().view());
      }
      best_ = std::move(copies);
    }
    state_.best_eval_loss = loss;
    state_.best_step = state_.step;
    state_.evaluations_since_best = 0;
  } else {
    ++state_.evaluations_since_best;
  }
  state_.evaluated_step = state_.step;
  const int64_t patience = options_.early_stopping_patience;
  if (patience > 0 && state_.evaluations_since_best >= patience && state_.step > 0)
    state_.stopped_early = true;
  return event;
}

void Trainer::put_best_back() {
  if (best_.empty() || state_.best_step == state_.step) return;
  training_->update([&] {
    for (size_t i = 0; i < best_.size(); ++i)
      context_->backend().copy(best_[i].const_view(), training_->buffers()[i].view());
  });
}

TrainEvent Trainer::finish() {
  if (!state_.finished && options_.keep_best) put_best_back();
  state_.finished = true;
  TrainEvent event;
  event.kind = EventKind::end;
  event.stopped_early = state_.stopped_early;
  return event;
}

TrainEvent Trainer::next(const CancelToken* cancel) {
  TrainEvent event;
  if (state_.finished) {
    event = finish();
  } else if (evaluation_due()) {
    event = make_evaluation(cancel);
  } else if (checkpoint_due()) {
    const auto start = std::chrono::steady_clock::now();
    checkpoint({}, cancel);
    event.kind = EventKind::checkpoint;
    event.seconds = seconds_since(start);
  } else if (state_.stopped_early || plan_is_done()) {
    event = finish();
  } else {
    event = step(cancel);
  }
  event.step = state_.step;
  event.total_steps = total_steps();
  event.epoch = state_.epoch;
  event.best_eval_loss = state_.best_eval_loss;
  event.best_step = state_.best_step;
  return event;
}

}  // namespace peft
