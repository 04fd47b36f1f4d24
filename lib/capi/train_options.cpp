#include <cmath>

#include "capi/objects.h"
#include "capi/structs.h"
#include "capi/train.h"

namespace peft::capi {

static_assert(static_cast<int>(Schedule::linear) == PEFT_SCHEDULE_LINEAR &&
              static_cast<int>(Schedule::cosine) == PEFT_SCHEDULE_COSINE);
static_assert(static_cast<int>(ActivationPolicy::offload) == PEFT_ACTIVATION_OFFLOAD &&
              static_cast<int>(ActivationPolicy::automatic) == PEFT_ACTIVATION_AUTO);
static_assert(static_cast<int>(MemoryPlace::host) == PEFT_PLACEMENT_HOST &&
              static_cast<int>(MemoryPlace::automatic) == PEFT_PLACEMENT_AUTO);

peft_trainer_options trainer_defaults() {
  const TrainerOptions defaults;
  peft_trainer_options options{};
  options.struct_size = sizeof options;
  options.batch_size = static_cast<int32_t>(defaults.batch_size);
  options.gradient_accumulation_steps = static_cast<int32_t>(defaults.accumulation);
  options.schedule = PEFT_SCHEDULE_COSINE;
  options.epochs = defaults.epochs;
  options.learning_rate = defaults.learning_rate;
  options.warmup_ratio = defaults.warmup_ratio;
  options.beta1 = defaults.beta1;
  options.beta2 = defaults.beta2;
  options.epsilon = defaults.epsilon;
  options.max_grad_norm = defaults.max_grad_norm;
  options.seed = static_cast<int64_t>(defaults.seed);
  options.shuffle = 1;
  options.compute_dtype = PEFT_DTYPE_FLOAT32;
  options.save_total_limit = static_cast<int32_t>(defaults.save_total_limit);
  options.keep_best = 1;
  options.max_skipped_in_row = static_cast<int32_t>(defaults.max_skipped_in_row);
  return options;
}

TrainerOptions read_trainer_options(const peft_trainer_options& given) {
  TrainerOptions options;
  options.batch_size = given.batch_size;
  options.accumulation = given.gradient_accumulation_steps;
  check_range<int>(given.schedule, PEFT_SCHEDULE_CONSTANT, PEFT_SCHEDULE_COSINE, "schedule");
  options.schedule = static_cast<Schedule>(given.schedule);
  for (const double number : {given.epochs, given.learning_rate, given.warmup_ratio, given.weight_decay,
                              given.beta1, given.beta2, given.epsilon, given.max_grad_norm})
    check(std::isfinite(number), Code::invalid_argument,
          "a number among the trainer's options is not finite");
  options.epochs = given.epochs;
  options.max_steps = given.max_steps;
  options.learning_rate = given.learning_rate;
  options.warmup_ratio = given.warmup_ratio;
  options.warmup_steps = given.warmup_steps;
  options.weight_decay = given.weight_decay;
  options.beta1 = given.beta1;
  options.beta2 = given.beta2;
  options.epsilon = given.epsilon;
  options.max_grad_norm = given.max_grad_norm;
  check(given.seed >= 0, Code::invalid_argument, "seed must not be negative, not {}", given.seed);
  options.seed = static_cast<uint64_t>(given.seed);
  check_flag(given.shuffle, "shuffle");
  check_flag(given.packing, "packing");
  check_range<int>(given.activation_checkpointing, PEFT_ACTIVATION_KEEP, PEFT_ACTIVATION_AUTO,
                   "activation_checkpointing");
  check_flag(given.keep_best, "keep_best");
  check_range<int>(given.optimizer_placement, PEFT_PLACEMENT_DEVICE, PEFT_PLACEMENT_AUTO, "optimizer_placement");
  options.shuffle = given.shuffle != 0;
  options.packing = given.packing != 0;
  options.packing_length = given.packing_length;
  options.activations = static_cast<ActivationPolicy>(given.activation_checkpointing);
  options.optimizer = static_cast<MemoryPlace>(given.optimizer_placement);
  options.arithmetic = arithmetic_of(given.compute_dtype);
  options.eval_steps = given.eval_steps;
  options.save_steps = given.save_steps;
  options.save_total_limit = given.save_total_limit;
  options.keep_best = given.keep_best != 0;
  options.early_stopping_patience = given.early_stopping_patience;
  options.max_skipped_in_row = given.max_skipped_in_row;
  options.output_dir = read_string_or(given.output_dir, "output_dir");
  return options;
}

}  // namespace peft::capi
