// Trainer options as they cross the border.
#pragma once

#include "capi/objects.h"
#include "peft/train.h"
#include "train/options.h"

namespace peft::capi {

peft_trainer_options trainer_defaults();
TrainerOptions read_trainer_options(const peft_trainer_options& given);

// What the options leave automatic, decided for this job: the first placements with which the memory estimate fits the
// model's device now, else the last that there are.
TrainingMemory choose_memory(const ModelCore& core, const Plan& plan, const TrainerOptions& options,
                             std::shared_ptr<const Dataset> dataset);

}  // namespace peft::capi
