#include <algorithm>
#include <array>
#include <memory>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "formats/bitsandbytes.h"
#include "formats/checkpoint_set.h"
#include "models/config_fields.h"
#include "models/save.h"
#include "ops/convert.h"
#include "text/tokenizer.h"

namespace peft {
namespace {

// "float32" as Transformers spells it.
std::string dtype_name(DType dtype) {
  switch (dtype) {
    case DType::f32: return "float32";
    case DType::f16: return "float16";
    default: return "bfloat16";
  }
}

// Type of a tensor in the folder.
DType stored_type(const Parameter& parameter, const SaveOptions& options) {
  const DType held = parameter.value.dtype();
  if (is_nf4(held) && !options.dtype) return held;
  if (options.dtype) return *options.dtype;
  check(is_floating(held), Code::unsupported,
        "'{}' is held as {}, which a safetensors folder cannot store; save as float32 or bfloat16", parameter.path,
        name_of(held));
  return held;
}

// A Conv1D that was turned round for GGUF or NF4 goes back to [in, out] unless it stays NF4.
Tensor in_checkpoint_layout(Context& context, const Module& module, const Parameter& parameter, const Tensor& value) {
  if (!module.conv1d || module.layout == WeightLayout::in_out || parameter.shape.rank() != 2) return value;
  const std::vector<float> values = context.to_host(value);
  const int64_t rows = value.rows(), columns = value.columns();
  std::vector<float> turned(values.size());
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < columns; ++c)
      turned[static_cast<size_t>(c * rows + r)] = values[static_cast<size_t>(r * columns + c)];
  return context.from_host(turned, {columns, rows});
}

OutputTensor output_of(Context& context, const Module& module, const Parameter& parameter, DType dtype, bool bias,
                       const CancelToken* cancel) {
  OutputTensor output;
  output.name = parameter.path;
  output.dtype = dtype;
  const bool turn = !bias && module.conv1d && module.layout == WeightLayout::out_in && !is_nf4(dtype);
  output.shape = turn ? Shape{parameter.shape[1], parameter.shape[0]} : parameter.shape;
  if (dtype == parameter.value.dtype() && !turn) {
    const Tensor value = parameter.value;
    output.read = [&context, value, cancel](int64_t offset, std::span<std::byte> out) {
      poll(cancel);
      context.backend().copy_to_host(value.const_view().data + offset, out.data(), static_cast<int64_t>(out.size()));
    };
    return output;
  }
  // Converted when the writer comes to it, kept while it is being read piece by piece.
  auto kept = std::make_shared<Tensor>();
  const bool is_weight = !bias;
  output.read = [&context, &module, &parameter, dtype, cancel, kept, is_weight, bytes = storage_bytes(dtype, output.shape)](
                    int64_t offset, std::span<std::byte> out) {
    poll(cancel);
    if (!kept->defined()) {
      Tensor dense = dequantized(context, parameter.value);
      if (is_weight) dense = in_checkpoint_layout(context, module, parameter, dense);
      *kept = to_dtype(context, dense, dtype);
    }
    context.backend().copy_to_host(kept->const_view().data + offset, out.data(), static_cast<int64_t>(out.size()));
    if (offset + static_cast<int64_t>(out.size()) == bytes) *kept = Tensor();
  };
  return output;
}

Json config_of(const Model& model, const SaveOptions& options) {
  Json config = model.config();
  config.erase("torch_dtype");
  config.erase("quantization_config");
  const Layout& layout = model.transformer().layout();
  bool nf4 = false, nested = false;
  std::set<std::string> dense;
  DType plain = options.dtype.value_or(DType::f32);
  for (const Module& module : layout.modules) {
    const Parameter& weight = layout.parameters[static_cast<size_t>(module.weight)];
    const DType held = weight.value.dtype();
    if (is_nf4(held) && !options.dtype) {
      nf4 = true;
      nested = nested || held == DType::nf4_double;
    } else if (module.kind == ModuleKind::linear || module.kind == ModuleKind::head) {
      dense.insert(module.path);
    }
    if (!options.dtype && module.kind == ModuleKind::embedding && is_floating(held)) plain = held;
  }
  config["dtype"] = dtype_name(plain);
  const Module& head = layout.modules[static_cast<size_t>(layout.module("head"))];
  config["tie_word_embeddings"] = layout.parameters[static_cast<size_t>(head.weight)].tied_to != no_parameter;
  if (nf4)
    config["quantization_config"] =
        bitsandbytes_config(nested, DType::f32, std::vector<std::string>(dense.begin(), dense.end()));
  return config;
}

// What a model folder is made of. A stale shard or tokenizer would be taken for the new model's; a card, a licence or
// notes beside them are somebody's own.
bool is_model_file(std::string_view name) {
  constexpr std::array<std::string_view, 10> names = {
      "config.json",        "generation_config.json",  "tokenizer.json", "tokenizer_config.json",
      "chat_template.jinja", "special_tokens_map.json", "vocab.json",     "merges.txt",
      "tokenizer.model",    "added_tokens.json"};
  return name.ends_with(".safetensors") || name.ends_with(".safetensors.index.json") ||
         std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

void save_folder(const Model& model, const std::string& path, Context& context, const SaveOptions& options) {
  check(!options.dtype || is_floating(*options.dtype), Code::unsupported,
        "a safetensors folder holds float32, float16 or bfloat16, not {}", name_of(options.dtype.value_or(DType::f32)));
  const Layout& layout = model.transformer().layout();
  std::vector<OutputTensor> tensors;
  for (const Module& module : layout.modules) {
    for (const ParameterId id : {module.weight, module.bias}) {
      if (id == no_parameter) continue;
      const Parameter& parameter = layout.parameters[static_cast<size_t>(id)];
      if (parameter.tied_to != no_parameter) continue;
      tensors.push_back(output_of(context, module, parameter, stored_type(parameter, options), id == module.bias, options.cancel));
    }
  }
  check_replaceable(path, "config.json");
  OutputFolder folder(path);
  folder.replaces(is_model_file);
  write_checkpoint(folder.staging_path(), tensors, options.shard_bytes);
  write_text_file(join_path(folder.staging_path(), "config.json"), dump_json(config_of(model, options), 2) + "\n");
  if (options.tokenizer && model.tokenizer()) {
    write_text_file(join_path(folder.staging_path(), "tokenizer.json"), model.tokenizer()->to_json());
    if (!model.tokenizer()->config_json().empty())
      write_text_file(join_path(folder.staging_path(), "tokenizer_config.json"), model.tokenizer()->config_json());
    if (!model.chat_template().empty())
      write_text_file(join_path(folder.staging_path(), "chat_template.jinja"), model.chat_template());
    if (!model.end_tokens().empty()) {
      Json generation = Json::object();
      generation["eos_token_id"] = model.end_tokens();
      write_text_file(join_path(folder.staging_path(), "generation_config.json"), dump_json(generation, 2) + "\n");
    }
  }
  folder.commit();
}

}  // namespace peft
