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

bool quantizes(const Layout& layout, const Module& module, const QuantizeOptions& options) {
  if (module.kind != ModuleKind::linear && module.kind != ModuleKind::head) return false;
  const Parameter& weight = layout.parameters[static_cast<size_t>(module.weight)];
  if (weight.tied_to != no_parameter || is_nf4(weight.value.dtype())) return false;
  return options.skip ? !skipped(*options.skip, module.path) : module.kind != ModuleKind::head;
}

Tensor nf4_of(const Module& module, const Parameter& parameter, Context& context, const QuantizeOptions& options) {
  Tensor weight = dequantized(context, parameter.value);
  Tensor squares = context.zeros({1});
  context.backend().sum_squares(weight.const_view(), squares.view());
  check(context.is_meta() || std::isfinite(context.to_host(squares)[0]), Code::numeric,
        "'{}' holds a value that is not finite or too large to quantize", parameter.path);
  if (module.layout == WeightLayout::in_out) weight = turned(context, weight);
  Tensor value = context.empty_shared(weight.shape(), options.double_quantize ? DType::nf4_double : DType::nf4);
  context.backend().quantize_nf4(weight.const_view(), value.view());
  return value;
}

void put(Module& module, Parameter& parameter, const Tensor& value) {
  module.layout = WeightLayout::out_in;
  parameter.shape = value.shape();
  parameter.value = value;
}

}  // namespace

int64_t quantize_model(Model& model, Context& context, const QuantizeOptions& options) {
  struct Change {
    Module* module;
    Parameter* parameter;
    Tensor value;
  };
  Layout& layout = model.transformer().layout();
  std::vector<Change> changes;
  for (Module& module : layout.modules) {
    poll(options.cancel);
    if (!quantizes(layout, module, options)) continue;
    Parameter& parameter = layout.parameters[static_cast<size_t>(module.weight)];
    changes.push_back({&module, &parameter, nf4_of(module, parameter, context, options)});
  }
  check(!changes.empty(), Code::state, "no linear layer is left to quantize");
  context.backend().synchronize();  // other contexts read the new weights
  for (Change& change : changes) put(*change.module, *change.parameter, change.value);
  return static_cast<int64_t>(changes.size());
}

bool quantize_weight(Layout& layout, Module& module, Context& context, const QuantizeOptions& options) {
  if (!quantizes(layout, module, options)) return false;
  Parameter& parameter = layout.parameters[static_cast<size_t>(module.weight)];
  put(module, parameter, nf4_of(module, parameter, context, options));
  return true;
}

}  // namespace peft
