// One row per method.
#include <array>

#include "adapters/methods/ia3.h"
#include "adapters/methods/lora.h"
#include "adapters/methods/prompt_tuning.h"
#include "adapters/plan.h"
#include "base/error.h"

namespace peft {

std::span<const Method> methods() {
  static constexpr std::array<Method, 3> rows = {{
      {"LORA", plan_lora},
      {"IA3", plan_ia3},
      {"PROMPT_TUNING", plan_prompt_tuning},
  }};
  return rows;
}

std::unique_ptr<Plan> plan_adapter(const PlanInput& input) {
  check(input.config.is_object(), Code::format, "{}: expected a JSON object", input.what);
  const std::string type = JsonFields(input.config, input.what).string("peft_type");
  std::string known;
  for (const Method& method : methods()) {
    if (method.peft_type == type) return method.plan(input);
    known += (known.empty() ? "" : ", ") + std::string(method.peft_type);
  }
  fail(Code::unsupported, "{}: peft_type '{}' is not supported ({})", input.what, type, known);
}

int32_t Plan::add_tensor(PlannedTensor tensor) {
  tensor.buffer = static_cast<int32_t>(buffers_.size());
  buffers_.push_back(tensor.shape);
  tensors_.push_back(std::move(tensor));
  return tensors_.back().buffer;
}

}  // namespace peft
