#include "adapters/base_copies.h"

#include <algorithm>
#include <cstdint>

#include "adapters/targets.h"
#include "base/error.h"

namespace peft {

PlannedTensor copy_of_parameter(const Layout& layout, ParameterId id, int32_t layer, std::string key) {
  PlannedTensor tensor;
  tensor.key = std::move(key);
  tensor.shape = layout.parameters[static_cast<size_t>(id)].shape;
  tensor.start = Start::parameter;
  tensor.source = id;
  tensor.layer = layer;
  return tensor;
}

std::vector<SavedTensor> plan_saved(const std::vector<std::string>& names, const Layout& layout,
                                    std::span<const int32_t> chosen, const std::string& what) {
  std::vector<SavedTensor> saved;
  if (names.empty()) return saved;
  for (const int32_t index : resolve_saved(names, layout, what)) {
    const Module& module = layout.modules[static_cast<size_t>(index)];
    check(std::find(chosen.begin(), chosen.end(), index) == chosen.end(), Code::unsupported,
          "{}: modules_to_save names '{}', which target_modules names too", what, module.path);
    check(!module.conv1d || module.layout == WeightLayout::in_out, Code::unsupported,
          "{}: modules_to_save: '{}' is held as [out, in], as GGUF and NF4 have it, PEFT's files have it as "
          "[in, out]; load "
          "the model from its folder",
          what, module.path);
    // A head trains after every layer, an embedding before the first.
    const int32_t layer =
        module.kind == ModuleKind::head || module.name == "final_norm" ? INT32_MAX - 1 : module.layer;
    const std::string key = std::string(key_prefix) + module.path;
    saved.push_back({module.weight, copy_of_parameter(layout, module.weight, layer, key + ".weight")});
    if (module.bias != no_parameter)
      saved.push_back({module.bias, copy_of_parameter(layout, module.bias, layer, key + ".bias")});
  }
  return saved;
}

CopyTable::CopyTable(const Plan& plan, std::span<const BaseCopy> copies, std::span<const Tensor> buffers)
    : lowest_trained_layer_(INT32_MAX) {
  PEFT_ASSERT(buffers.size() == plan.buffers().size());
  for (const BaseCopy& copy : copies) copies_[copy.parameter] = buffers[static_cast<size_t>(copy.buffer)];
  for (const PlannedTensor& tensor : plan.tensors())
    if (buffers[static_cast<size_t>(tensor.buffer)].requires_grad())
      lowest_trained_layer_ = std::min(lowest_trained_layer_, tensor.layer);
}

Tensor CopyTable::parameter(ParameterId id) const {
  const auto found = copies_.find(id);
  return found == copies_.end() ? Tensor() : found->second;
}

}  // namespace peft
