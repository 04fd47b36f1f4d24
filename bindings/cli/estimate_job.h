// Memory estimates of the jobs that settings describe, before anything is loaded.
#pragma once

#include "train_settings.h"

namespace peft_cli {

// `rows` may be null: then rows of max-seq-length tokens are taken.
peft_estimate_result estimate_training(const peft_context* context, const TrainSettings& settings,
                                       const peft_dataset* rows, const peft_trainer_options& trainer);
// Sessions of max-seq-length tokens.
peft_estimate_result estimate_generation(const peft_context* context, const TrainSettings& settings,
                                         int32_t sessions);

}  // namespace peft_cli
