// The learning rate over the steps, as Transformers' get_scheduler has it (optimization.py).
#pragma once

#include <cstdint>

#include "train/options.h"

namespace peft {

// Factor of the base learning rate at step `index` (the first is 0) of `total`. Warm-up rises linearly from
// 0.
double schedule_factor(Schedule schedule, int64_t index, int64_t warmup, int64_t total);

// warmup_steps, or the ratio's share of `total`, rounded up.
int64_t warmup_steps(const TrainerOptions& options, int64_t total);

}  // namespace peft
