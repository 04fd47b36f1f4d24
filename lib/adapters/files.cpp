#include "adapters/files.h"

#include <cmath>
#include <unordered_set>

#include <fmt/format.h>

#include "base/error.h"
#include "base/file.h"
#include "formats/adapter_folder.h"
#include "ops/convert.h"

namespace peft {
namespace {

Tensor read_tensor(const SafetensorsFile& file, const TensorEntry& entry, Context& context) {
  Tensor stored = context.empty(entry.shape, entry.dtype);
  if (context.is_meta()) return to_dtype(context, stored, DType::f32);
  std::vector<std::byte> bytes(static_cast<size_t>(entry.bytes));
  file.read(entry, bytes);
  context.backend().copy_from_host(bytes.data(), stored.view().data, entry.bytes);
  Tensor values = to_dtype(context, stored, DType::f32);
  for (const float value : context.to_host(values))
    check(std::isfinite(value), Code::numeric, "{}: tensor '{}' holds a value that is not finite",
          file.path(), entry.name);
  return values;
}

bool same_values(Context& context, const Tensor& a, const Tensor& b) {
  return context.to_host(dequantized(context, a)) == context.to_host(dequantized(context, b));
}

// A base weight beside the adapter is the model's own, but for rounding to the coarser of the two types.
// Returns what is worth telling.
std::string compare_base(const SafetensorsFile& file, const TensorEntry& entry, const Parameter& parameter,
                         Context& context) {
  check(entry.shape == parameter.shape, Code::mismatch,
        "{}: tensor '{}': the model's weight has shape {}, found {}: the adapter was made for a resized "
        "vocabulary",
        file.path(), entry.name, to_string(parameter.shape), to_string(entry.shape));
  if (context.is_meta()) return "";
  const DType held = parameter.value.dtype();
  if (!is_floating(held))
    return fmt::format("{}: tensor '{}' is left aside for the model's own weight, which is held as {}",
                       file.path(), entry.name, name_of(held));
  const Tensor filed = read_tensor(file, entry, context);
  const bool same = same_values(context, to_dtype(context, filed, held), parameter.value) ||
                    same_values(context, to_dtype(context, parameter.value, entry.dtype), filed);
  check(same, Code::mismatch,
        "{}: tensor '{}' is not the model's own weight: the adapter was made for another or a changed base "
        "model",
        file.path(), entry.name);
  return "";
}

// The file's tensors in the plan's order; missing and surplus ones are named.
std::vector<Tensor> read_tensors(const SafetensorsFile& file, const Plan& plan, const Transformer& model,
                                 Context& context, std::string& note) {
  std::vector<Tensor> values;
  std::unordered_set<std::string> used;
  for (const PlannedTensor& planned : plan.tensors()) {
    const TensorEntry* entry = file.find(planned.key);
    check(entry != nullptr, Code::mismatch, "{}: no tensor '{}', which adapter_config.json asks for",
          file.path(), planned.key);
    check(entry->shape == planned.shape, Code::mismatch, "{}: tensor '{}': expected shape {}, found {}",
          file.path(), planned.key, to_string(planned.shape), to_string(entry->shape));
    used.insert(entry->name);
    values.push_back(read_tensor(file, *entry, context));
  }
  for (const FiledBase& base : plan.filed_base()) {
    const TensorEntry* entry = file.find(base.key);
    if (!entry) continue;
    used.insert(entry->name);
    const std::string told =
        compare_base(file, *entry, model.layout().parameters[static_cast<size_t>(base.parameter)], context);
    if (note.empty()) note = told;
  }
  std::string surplus;
  for (const TensorEntry& entry : file.entries())
    if (!used.contains(entry.name) && surplus.size() < 300)
      surplus += (surplus.empty() ? "'" : ", '") + printable(entry.name) + "'";
  check(surplus.empty(), Code::mismatch, "{}: tensors that adapter_config.json does not explain: {}",
        file.path(), surplus);
  return values;
}

// The same model may lie elsewhere: only the last part of a name or path counts.
bool base_name_differs(const std::string& recorded, const std::string& here) {
  const auto last = [](std::string name) {
    while (name.size() > 1 && name.back() == '/') name.pop_back();
    return base_name(name);
  };
  return last(recorded) != last(here);
}

}  // namespace

LoadedAdapter load_adapter(const std::string& name, const std::string& path, const Transformer& model,
                           Context& context, const std::string& base_name, const Limits& limits) {
  const AdapterFolder folder = open_adapter_folder(path, limits);
  const std::string what = join_path(path, "adapter_config.json");
  PlanInput input{model, folder.config, what, {}, /*for_loading=*/true, 0};
  std::shared_ptr<const Plan> plan = plan_adapter(input);
  LoadedAdapter loaded;
  const std::vector<Tensor> values = read_tensors(*folder.tensors, *plan, model, context, loaded.note);
  loaded.adapter = Adapter::from_values(name, std::move(plan), context, values);
  const std::string base = JsonFields(folder.config, what).string_or("base_model_name_or_path", "");
  if (!base.empty() && base_name_differs(base, base_name))
    loaded.note = fmt::format("{}: was made for base model '{}', this is '{}'", what, base, base_name);
  return loaded;
}

void save_adapter(const Adapter& adapter, const std::string& path, Context& context,
                  const SaveAdapterOptions& options) {
  check(is_floating(options.dtype), Code::invalid_argument, "adapters are saved as f32, f16 or bf16, not {}",
        name_of(options.dtype));
  const std::vector<Tensor> values = adapter.values(&context);
  std::vector<OutputTensor> outputs;
  const auto add = [&](const std::string& key, const Tensor& tensor) {
    OutputTensor output;
    output.name = key;
    output.dtype = tensor.dtype();
    output.shape = tensor.shape();
    output.read = [&context, tensor](int64_t offset, std::span<std::byte> out) {
      poll(context.cancel);
      context.backend().copy_to_host(tensor.const_view().data + offset, out.data(),
                                     static_cast<int64_t>(out.size()));
    };
    outputs.push_back(std::move(output));
  };
  for (size_t i = 0; i < values.size(); ++i) {
    // Tensors that lie in a shared buffer are dense row ranges; only the type may differ.
    add(adapter.plan().tensors()[i].key,
        options.dtype == DType::f32 ? values[i] : to_dtype(context, values[i], options.dtype));
  }
  for (const FiledBase& base : adapter.plan().filed_base()) {
    if (!options.model) break;
    const Tensor& weight = options.model->layout().parameters[static_cast<size_t>(base.parameter)].value;
    if (is_floating(weight.dtype())) add(base.key, weight);
  }
  Json config = adapter.plan().config();
  if (!options.base_name.empty()) config["base_model_name_or_path"] = options.base_name;
  config["inference_mode"] = true;
  save_adapter_folder(path, config, outputs, options.model_card);
}

}  // namespace peft
