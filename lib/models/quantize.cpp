#include "models/quantize.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "ops/convert.h"

namespace peft {
namespace {

bool skipped(const std::vector<std::string>& names, const std::string& path) {
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    return path == name || path.ends_with("." + name);
  });
}

// [in, out] as dense [out, in]: rare (GPT-2), through the host.
Tensor turned(Context& context, const Tensor& weight) {
  const std::vector<float> values = context.to_host(weight);
  const int64_t rows = weight.rows(), columns = weight.columns();
  std::vector<float> result(values.size());
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < columns; ++c)
      result[static_cast<size_t>(c * rows + r)] = values[static_cast<size_t>(r * columns + c)];
  return context.from_host(result, {columns, rows});
}

}  // namespace

int64_t quantize_model(Model& model, Context& context, const QuantizeOptions& options) {
  struct Change {
    Module* module;
    Parameter* parameter;
    Tensor value;
  };
  Layout& layout = model.transformer().layout();
  const DType dtype = options.double_quantize ? DType::nf4_double : DType::nf4;
  std::vector<Change> changes;
  for (Module& module : layout.modules) {
    poll(options.cancel);
    if (module.kind != ModuleKind::linear && module.kind != ModuleKind::head) continue;
    Parameter& parameter = layout.parameters[static_cast<size_t>(module.weight)];
    if (skipped(options.skip, module.path) || parameter.tied_to != no_parameter || is_nf4(parameter.value.dtype())) continue;
    Tensor weight = dequantized(context, parameter.value);
    Tensor squares = context.zeros({1});
    context.backend().sum_squares(weight.const_view(), squares.view());
    check(context.is_meta() || std::isfinite(context.to_host(squares)[0]), Code::numeric,
          "'{}' holds a value that is not finite or too large to quantize", parameter.path);
    if (module.layout == WeightLayout::in_out) weight = turned(context, weight);
    Tensor value = context.empty_shared(weight.shape(), dtype);
    context.backend().quantize_nf4(weight.const_view(), value.view());
    changes.push_back({&module, &parameter, value});
  }
  check(!changes.empty(), Code::state, "no linear layer is left to quantize");
  context.backend().synchronize();  // other contexts read the new weights
  for (Change& change : changes) {
    change.module->layout = WeightLayout::out_in;
    change.parameter->shape = change.value.shape();
    change.parameter->value = change.value;
  }
  return static_cast<int64_t>(changes.size());
}

}  // namespace peft
