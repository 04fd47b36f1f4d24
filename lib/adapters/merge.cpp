#include "adapters/merge.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "formats/gguf_writer.h"
#include "ops/convert.h"

namespace peft {
namespace {

// What a value of this storage type can be replaced by: the rounding that a merge pays.
Tensor stored_as(Context& context, const Tensor& dense, DType dtype, const std::string& path) {
  if (is_nf4(dtype)) return quantized_nf4(context, dense, dtype);
  check(is_floating(dtype), Code::unsupported,
        "'{}' is stored as {}, which cannot be written; load the model as f32 or bf16, or quantize it to "
        "NF4, to merge",
        path, name_of(dtype));
  return to_dtype(context, dense, dtype);
}

// The same value as a file of this type will have it. Files keep vectors in f32, and q8_0 needs whole blocks.
Tensor as_in_file(Context& context, const Tensor& stored, DType file, bool turned) {
  if (stored.shape().rank() == 1) return stored;
  const Tensor dense = dequantized(context, stored);
  const int64_t rows = dense.shape()[0], columns = dense.shape()[1], inner = turned ? rows : columns;
  if (file == DType::q8_0 && inner % 32 == 0) {
    // Blocks run along the file's rows: those of a Conv1D, which is held turned round, along our columns.
    const auto place = [&](int64_t i) { return static_cast<size_t>(i % rows * columns + i / rows); };
    std::vector<float> values = context.to_host(dense), in_rows = values;
    if (turned)
      for (int64_t i = 0; i < rows * columns; ++i) in_rows[static_cast<size_t>(i)] = values[place(i)];
    round_to_q8_0(in_rows);
    if (turned)
      for (int64_t i = 0; i < rows * columns; ++i) values[place(i)] = in_rows[static_cast<size_t>(i)];
    return context.from_host(turned ? values : in_rows, dense.shape());
  }
  return to_dtype(context, dense, file == DType::q8_0 ? DType::f16 : file);
}

// Double sums on the host: merging is rare and wants no rounding of its own.
MergeTensor figures_of(Context& context, const std::string& path, const Tensor& before, const Tensor& wanted,
                       const Tensor& stored) {
  const std::vector<float> base = context.to_host(before), full = context.to_host(wanted),
                           kept = context.to_host(dequantized(context, stored));
  double effective = 0, squares = 0, weight = 0;
  for (size_t i = 0; i < base.size(); ++i) {
    check(std::isfinite(full[i]), Code::numeric, "merging '{}' gives a value that is not finite", path);
    const double update = static_cast<double>(full[i]) - base[i];
    effective += (static_cast<double>(kept[i]) - base[i]) * update;
    squares += update * update;
    weight += static_cast<double>(base[i]) * base[i];
  }
  MergeTensor figures;
  figures.path = path;
  figures.dtype = stored.dtype();
  figures.retained = squares > 0 ? effective / squares : 1.0;
  figures.update_norm = std::sqrt(squares);
  figures.weight_norm = std::sqrt(weight);
  return figures;
}

// A copy outside of the context's pool, where the model keeps the parameter.
Tensor kept_copy(Context& context, const Tensor& value, bool on_host) {
  Tensor copy = on_host ? context.empty_on_host(value.shape(), value.dtype())
                        : context.empty_shared(value.shape(), value.dtype());
  if (is_nf4(value.dtype())) {
    std::vector<std::byte> bytes(static_cast<size_t>(storage_bytes(value.dtype(), value.shape())));
    context.backend().copy_to_host(value.const_view().data, bytes.data(), static_cast<int64_t>(bytes.size()));
    context.backend().copy_from_host(bytes.data(), copy.view().data, static_cast<int64_t>(bytes.size()));
  } else {
    context.backend().copy(value.const_view(), copy.view());
  }
  return copy;
}

}  // namespace

MergedWeights MergedWeights::compute(const Transformer& model, const HookTable& hooks, Context& context,
                                     const CancelToken* cancel, std::optional<DType> file) {
  check(hooks.prompt() == nullptr, Code::unsupported,
        "an adapter that puts a prompt before the row cannot be merged into weights");
  const Layout& layout = model.layout();
  MergedWeights merged;
  bool turned = false;  // of the module at hand
  const auto add = [&](ParameterId id, const Tensor& before, const Tensor& wanted) {
    const Parameter& parameter = layout.parameters[static_cast<size_t>(id)];
    const Tensor stored = stored_as(context, wanted, parameter.value.dtype(), parameter.path);
    Change change;
    change.id = id;
    const Tensor written = file ? as_in_file(context, stored, *file, turned) : stored;
    change.figures = figures_of(context, parameter.path, before, wanted, written);
    if (file && written.shape().rank() > 1) change.figures.dtype = *file;
    change.value = kept_copy(context, stored, parameter.on_host);
    merged.changes_.push_back(std::move(change));
  };
  for (size_t index = 0; index < layout.modules.size(); ++index) {
    const Module& module = layout.modules[index];
    poll(cancel);
    turned = module.layout == WeightLayout::in_out;
    if (const EmbeddingHook* table = hooks.embedding(static_cast<int32_t>(index))) {
      const Tensor weight = dequantized(context, layout.parameters[static_cast<size_t>(module.weight)].value);
      const Tensor own = hooks.parameter(module.weight);
      add(module.weight, weight, table->merged(context, dequantized(context, own ? own.detached() : weight)));
      continue;
    }
    const LinearHook* hook = module.group >= 0 ? hooks.linear(module.group) : nullptr;
    const bool covered = hook && hook->covers(module.member);
    for (const ParameterId id : {module.weight, module.bias}) {
      if (id == no_parameter || covered) continue;
      if (const Tensor copy = hooks.parameter(id))
        add(id, dequantized(context, layout.parameters[static_cast<size_t>(id)].value), copy.detached());
    }
    if (!covered) continue;
    const Tensor weight = dequantized(context, layout.parameters[static_cast<size_t>(module.weight)].value);
    DenseLinear base;
    base.weight = dequantized(context, weight);
    Tensor bias;
    if (module.bias != no_parameter) {
      bias = dequantized(context, layout.parameters[static_cast<size_t>(module.bias)].value);
      const Tensor own = hooks.parameter(module.bias);
      base.bias = dequantized(context, own ? own.detached() : bias);
    }
    const DenseLinear result = hook->merged(context, module.member, module, base);
    add(module.weight, weight, result.weight);
    if (bias) {
      const std::vector<float> before = context.to_host(bias), after = context.to_host(result.bias);
      if (before != after) add(module.bias, bias, result.bias);
    }
  }
  check(!merged.changes_.empty(), Code::unsupported, "the adapter changes no weight of the model");
  context.backend().synchronize();  // other contexts read the new weights
  return merged;
}

MergeReport MergedWeights::report(double minimum) const {
  MergeReport report;
  double sum = 0;
  for (const Change& change : changes_) {
    report.tensors.push_back(change.figures);
    sum += change.figures.retained;
    report.minimum_retained = std::min(report.minimum_retained, change.figures.retained);
    if (change.figures.retained < minimum) ++report.below_minimum;
  }
  if (!changes_.empty()) report.mean_retained = sum / static_cast<double>(changes_.size());
  return report;
}

// A tied head that changes gets a weight of its own; an embedding that changes leaves the head as it was.
void MergedWeights::apply(Transformer& model) {
  std::vector<Parameter>& parameters = model.layout().parameters;
  for (Change& change : changes_) {
    Parameter& parameter = parameters[static_cast<size_t>(change.id)];
    change.original = parameter.value;
    change.original_tie = parameter.tied_to;
    parameter.value = change.value;
    parameter.tied_to = no_parameter;
    for (Parameter& other : parameters)
      if (other.tied_to == change.id) {
        untied_.push_back({static_cast<ParameterId>(&other - parameters.data()), other.tied_to});
        other.tied_to = no_parameter;
      }
  }
}

void MergedWeights::restore(Transformer& model) {
  std::vector<Parameter>& parameters = model.layout().parameters;
  for (auto change = changes_.rbegin(); change != changes_.rend(); ++change) {
    PEFT_ASSERT(change->original.defined());
    Parameter& parameter = parameters[static_cast<size_t>(change->id)];
    parameter.value = change->original;
    parameter.tied_to = change->original_tie;
  }
  for (const Untied& each : untied_) parameters[static_cast<size_t>(each.id)].tied_to = each.tied_to;
  untied_.clear();
}

void MergedWeights::drop_originals() {
  for (Change& change : changes_) change.original = Tensor();
}

int64_t MergedWeights::original_bytes() const {
  int64_t bytes = 0;
  for (const Change& change : changes_)
    if (change.original && change.original_tie == no_parameter) bytes += change.original.storage()->bytes();
  return bytes;
}

}  // namespace peft
