#include "train/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace peft {

double schedule_factor(Schedule schedule, int64_t index, int64_t warmup, int64_t total) {
  if (index < warmup) return static_cast<double>(index) / static_cast<double>(std::max<int64_t>(1, warmup));
  const auto span = static_cast<double>(std::max<int64_t>(1, total - warmup));
  switch (schedule) {
    case Schedule::constant:
      return 1.0;
    case Schedule::linear:
      return std::max(0.0, static_cast<double>(total - index) / span);
    case Schedule::cosine: {
      const double progress = static_cast<double>(index - warmup) / span;
      return std::max(0.0, 0.5 * (1.0 + std::cos(std::numbers::pi * progress)));
    }
  }
  return 1.0;
}

int64_t warmup_steps(const TrainerOptions& options, int64_t total) {
  if (options.warmup_steps > 0) return options.warmup_steps;
  return static_cast<int64_t>(std::ceil(static_cast<double>(total) * options.warmup_ratio));
}

}  // namespace peft
