// Trainer options as they cross the border.
#pragma once

#include "peft/train.h"
#include "train/options.h"

namespace peft::capi {

peft_trainer_options trainer_defaults();
TrainerOptions read_trainer_options(const peft_trainer_options& given);

}  // namespace peft::capi
