#pragma once

#include "adapters/plan.h"

namespace peft {

std::unique_ptr<Plan> plan_ia3(const PlanInput& input);

}  // namespace peft
