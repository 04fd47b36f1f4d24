#pragma once

#include "adapters/plan.h"

namespace peft {

std::unique_ptr<Plan> plan_lora(const PlanInput& input);

}  // namespace peft
