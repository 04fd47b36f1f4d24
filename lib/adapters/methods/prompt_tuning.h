#pragma once

#include "adapters/plan.h"

namespace peft {

std::unique_ptr<Plan> plan_prompt_tuning(const PlanInput& input);

}  // namespace peft
