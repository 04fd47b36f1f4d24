// Base parameters that an adapter replaces with copies of its own: modules_to_save and trained biases. Shared
// by methods.
#pragma once

#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "adapters/plan.h"

namespace peft {

struct BaseCopy {
  ParameterId parameter = no_parameter;
  int32_t buffer = 0;
};

// A planned tensor that starts as a copy of base parameter `id` and is stored under `key`.
PlannedTensor copy_of_parameter(const Layout& layout, ParameterId id, int32_t layer, std::string key);

// The prefix of every key that names a module of the model.
inline constexpr std::string_view key_prefix = "base_model.model.";

// The tensors that modules_to_save asks for, one per parameter of each named module. `chosen` are the modules
// that the method adapts: Code::unsupported for one that is named too.
struct SavedTensor {
  ParameterId parameter;
  PlannedTensor planned;
};
std::vector<SavedTensor> plan_saved(const std::vector<std::string>& names, const Layout& layout,
                                    std::span<const int32_t> chosen, const std::string& what);

// Base of every hook table: what it replaces, and where training begins.
class CopyTable : public HookTable {
 public:
  CopyTable(const Plan& plan, std::span<const BaseCopy> copies, std::span<const Tensor> buffers);
  const LinearHook* linear(int32_t) const override { return nullptr; }
  const PromptHook* prompt() const override { return nullptr; }
  Tensor parameter(ParameterId id) const override;
  int32_t lowest_trained_layer() const override { return lowest_trained_layer_; }

 private:
  std::unordered_map<ParameterId, Tensor> copies_;
  int32_t lowest_trained_layer_;
};

}  // namespace peft
