#include "peft/train.h"

#include <cmath>

#include "base/log.h"
#include "base/memory.h"
#include "capi/data.h"
#include "capi/objects.h"
#include "capi/structs.h"
#include "capi/train.h"

using namespace peft;
using namespace peft::capi;

namespace {

peft_step_options step_defaults() {
  peft_step_options options{};
  options.struct_size = sizeof options;
  return options;
}

peft_evaluate_options evaluate_defaults() {
  peft_evaluate_options options{};
  options.struct_size = sizeof options;
  options.batch_size = 2;
  options.compute_dtype = PEFT_DTYPE_FLOAT32;
  return options;
}

peft_step_result result_of(const TrainEvent& event, const Trainer& trainer) {
  peft_step_result result{};
  result.kind = static_cast<peft_event_kind>(event.kind);
  result.step = event.step;
  result.total_steps = event.total_steps;
  result.epoch = event.epoch;
  result.loss = event.loss;
  result.learning_rate = event.learning_rate;
  result.grad_norm = event.gradient_norm;
  result.tokens = event.tokens;
  result.loss_tokens = event.loss_tokens;
  result.seconds = event.seconds;
  result.tokens_per_second = event.seconds > 0 ? static_cast<double>(event.tokens) / event.seconds : 0;
  result.peak_memory_bytes = peak_resident_bytes();
  result.skipped_steps = trainer.state().skipped;
  result.eval_loss = event.evaluation.loss;
  result.best_eval_loss = trainer.state().best_eval_loss;
  result.best_step = trainer.state().best_step;
  result.skipped = event.skipped;
  result.is_best = event.is_best;
  result.stopped_early = event.stopped_early;
  return result;
}

peft_status status_of(const TrainEvent& event) {
  if (event.kind == EventKind::end) return PEFT_END;
  return event.skipped ? PEFT_STEP_SKIPPED : PEFT_OK;
}

peft_evaluate_result result_of(const Evaluation& evaluation) {
  peft_evaluate_result result{};
  result.loss = evaluation.loss;
  result.perplexity = std::exp(evaluation.loss);
  result.nll = evaluation.nll;
  result.token_accuracy = evaluation.token_accuracy;
  result.rows = evaluation.rows;
  result.tokens = evaluation.tokens;
  result.loss_tokens = evaluation.loss_tokens;
  result.seconds = evaluation.seconds;
  result.tokens_per_second =
      evaluation.seconds > 0 ? static_cast<double>(evaluation.tokens) / evaluation.seconds : 0;
  return result;
}

// Brings the published figures up to date at the end of a call, however it ends.
class Publication {
 public:
  explicit Publication(TrainerObject& object) : object_(object) {}
  ~Publication() { object_.publish(); }

 private:
  TrainerObject& object_;
};

// One event, counted on the adapter.
TrainEvent advance(TrainerObject& object, const CancelUse& cancel) {
  const TrainEvent event = object.trainer->next(cancel.token());
  if (event.kind == EventKind::step && !event.skipped) ++object.adapter->trained_steps;
  const int64_t total = object.trainer->total_steps();
  object.publish();
  if (total > 0)
    cancel.progress(static_cast<double>(object.trainer->state().step) / static_cast<double>(total));
  return event;
}

}  // namespace

namespace peft::capi {

void TrainerObject::publish() {
  Trainer& source = *trainer;
  const TrainerState& state = source.state();
  peft_trainer_info info{};
  info.finished = source.finished();
  info.step = state.step;
  info.total_steps = source.total_steps();
  info.epoch = state.epoch;
  info.learning_rate = source.learning_rate();
  info.tokens = state.tokens;
  info.skipped_steps = state.skipped;
  info.last_loss = state.last_loss;
  info.best_eval_loss = state.best_eval_loss;
  info.best_step = state.best_step;
  info.trainable_elements = source.trainable_elements();
  info.memory_bytes = source.context().pool().statistics().held;
  info.checkpoint_step = state.checkpoint_step;
  const std::lock_guard lock(mutex_);
  published_ = info;
}

peft_trainer_info TrainerObject::published() const {
  const std::lock_guard lock(mutex_);
  return published_;
}

}  // namespace peft::capi

extern "C" {

peft_status peft_trainer_options_init(peft_trainer_options* options, size_t size) {
  return init_struct(options, size, trainer_defaults());
}

peft_status peft_trainer_create(const peft_model* model, const peft_adapter* adapter,
                                const peft_dataset* dataset, const peft_trainer_options* options,
                                peft_trainer** out) {
  return guard([&] {
    check_pointer(out, "out");
    const peft_trainer_options given = read_struct(options, trainer_defaults(), "options");
    TrainerOptions read = read_trainer_options(given);
    const auto parent = shared<ModelObject>(model);
    const auto part = shared<AdapterObject>(adapter);
    check(part->core == parent->core, Code::mismatch, "adapter '{}' belongs to another model",
          part->adapter->name());
    check(part->trainable, Code::state, "adapter '{}' is frozen", part->adapter->name());
    check(!part->merged, Code::state, "adapter '{}' is merged into the weights", part->adapter->name());
    check(part->attached, Code::state, "adapter '{}' is detached", part->adapter->name());
    std::shared_ptr<const Dataset> rows, eval_rows;
    if (dataset) rows = shared<DatasetObject>(dataset)->dataset;
    if (given.eval_dataset) eval_rows = shared<DatasetObject>(given.eval_dataset)->dataset;
    const TrainingMemory memory = choose_memory(*parent->core, part->adapter->plan(), read, rows);
    if (memory.activations != read.activations || memory.optimizer != read.optimizer)
      log(LogLevel::info, "activations: {}; optimizer's moments: {}", name_of(memory.activations),
          name_of(memory.optimizer));
    read.activations = memory.activations;
    read.optimizer = memory.optimizer;
    auto object = std::make_shared<TrainerObject>(parent->core);
    object->adapter = part.object();
    object->trainer = std::make_unique<Trainer>(parent->core->transformer(), part->adapter, std::move(rows),
                                                std::move(eval_rows), parent->core->make_context(),
                                                std::move(read), parent->core->model->path());
    object->publish();
    *out = static_cast<peft_trainer*>(add_handle(std::move(object)));
  });
}

void peft_trainer_free(peft_trainer* trainer) { free_handle(trainer, ObjectType::trainer); }

peft_status peft_step_options_init(peft_step_options* options, size_t size) {
  return init_struct(options, size, step_defaults());
}

peft_status peft_train_step(peft_trainer* trainer, const peft_step_options* options,
                            peft_step_result* result) {
  return guard([&]() -> peft_status {
    if (result) check_output(result, "result");
    const peft_step_options given = read_struct(options, step_defaults(), "options");
    const auto object = exclusive<TrainerObject>(trainer);
    const CancelUse cancel(given.cancel);
    const Publication publication(*object);
    TrainEvent event;
    if (given.row_count != 0 || given.rows) {
      const Limits& limits = object->hold.core()->context->limits;
      const std::vector<TokenRow> rows = read_rows(given.rows, given.row_count, limits);
      check(!rows.empty(), Code::invalid_argument, "rows are given but their number is 0");
      event = object->trainer->step_rows(rows, cancel.token());
    } else {
      event = object->trainer->step(cancel.token());
    }
    if (event.kind == EventKind::step && !event.skipped) ++object->adapter->trained_steps;
    if (result) write_struct(result, result_of(event, *object->trainer));
    return status_of(event);
  });
}

peft_status peft_trainer_next(peft_trainer* trainer, const peft_cancel* cancel, peft_step_result* event) {
  return guard([&]() -> peft_status {
    if (event) check_output(event, "event");
    const auto object = exclusive<TrainerObject>(trainer);
    const TrainEvent made = advance(*object, CancelUse(cancel));
    if (event) write_struct(event, result_of(made, *object->trainer));
    return status_of(made);
  });
}

peft_status peft_trainer_run(peft_trainer* trainer, const peft_cancel* cancel, peft_train_fn function,
                             void* user_data, peft_drop_fn drop) {
  const DropLater caller_data(drop, user_data);
  return guard([&] {
    const auto object = exclusive<TrainerObject>(trainer);
    const CancelUse stop(cancel);
    for (;;) {
      const TrainEvent made = advance(*object, stop);
      if (function) {
        peft_step_result event = result_of(made, *object->trainer);
        event.struct_size = sizeof event;
        const int32_t answer = function(user_data, &event);
        check(answer != 1, Code::cancelled, "cancelled by the callback after step {}", made.step);
        check(answer == 0, Code::callback, "the callback failed with {} after step {}", answer, made.step);
      }
      if (made.kind == EventKind::end) return;
    }
  });
}

peft_status peft_trainer_get_info(const peft_trainer* trainer, peft_trainer_info* info) {
  return guard([&] {
    check_output(info, "info");
    // Not entered as a user: a step of another thread, or this thread's callback, does not stand in the way.
    const auto object = std::static_pointer_cast<TrainerObject>(find_handle(trainer, ObjectType::trainer));
    write_struct(info, object->published());
  });
}

peft_status peft_trainer_set_learning_rate(peft_trainer* trainer, double learning_rate) {
  return guard([&] {
    const auto object = exclusive<TrainerObject>(trainer);
    const Publication publication(*object);
    object->trainer->set_learning_rate(learning_rate);
  });
}

peft_status peft_trainer_evaluate(peft_trainer* trainer, const peft_dataset* dataset,
                                  const peft_cancel* cancel, peft_evaluate_result* result) {
  return guard([&] {
    check_output(result, "result");
    const auto object = exclusive<TrainerObject>(trainer);
    const CancelUse stop(cancel);
    std::shared_ptr<const Dataset> rows = object->trainer->eval_dataset();
    if (dataset) rows = shared<DatasetObject>(dataset)->dataset;
    check(rows != nullptr, Code::state, "there is no data set to evaluate on");
    write_struct(result, result_of(object->trainer->evaluate_on(*rows, stop.token())));
  });
}

peft_status peft_trainer_checkpoint(peft_trainer* trainer, const char* path, const peft_cancel* cancel) {
  return guard([&] {
    const auto object = exclusive<TrainerObject>(trainer);
    const CancelUse stop(cancel);
    const Publication publication(*object);
    object->trainer->checkpoint(read_string_or(path, "path"), stop.token());
  });
}

peft_status peft_trainer_resume(peft_trainer* trainer, const char* path) {
  return guard([&]() -> peft_status {
    const auto object = exclusive<TrainerObject>(trainer);
    std::string folder = read_string_or(path, "path", object->trainer->options().output_dir);
    check(!folder.empty(), Code::state, "there is no path and no output_dir to resume from");
    check(object->trainer->state().step == 0, Code::state,
          "the trainer has made {} steps; only a new one can resume", object->trainer->state().step);
    const Publication publication(*object);
    std::string notes = object->trainer->resume(folder);
    object->adapter->trained_steps = object->trainer->state().applied;
    if (notes.empty()) return PEFT_OK;
    set_message(std::move(notes));
    return PEFT_NOTE;
  });
}

peft_status peft_evaluate_options_init(peft_evaluate_options* options, size_t size) {
  return init_struct(options, size, evaluate_defaults());
}

peft_status peft_evaluate(const peft_model* model, const peft_dataset* dataset,
                          const peft_evaluate_options* options, peft_evaluate_result* result) {
  return guard([&] {
    check_output(result, "result");
    const peft_evaluate_options given = read_struct(options, evaluate_defaults(), "options");
    const auto object = shared<ModelObject>(model);
    const auto rows = shared<DatasetObject>(dataset);
    const CancelUse cancel(given.cancel);
    check_range(given.batch_size, 1, 1 << 20, "batch_size");
    const auto hooks = snapshots(given.adapters, given.adapter_count, *object->core);
    const auto work = object->core->make_context();
    work->arithmetic = arithmetic_of(given.compute_dtype);
    work->cancel = cancel.token();
    Workspace workspace(*work);
    const Evaluation evaluation =
        evaluate(object->core->model->transformer(), workspace, *rows->dataset, given.batch_size, hooks);
    check(std::isfinite(evaluation.nll), Code::numeric, "the loss is not finite");
    write_struct(result, result_of(evaluation));
  });
}

}  // extern "C"
