#include "capi/describe.h"

#include <map>

#include "adapters/plan.h"
#include "base/file.h"
#include "capi/structs.h"
#include "devices/devices.h"
#include "formats/adapter_folder.h"
#include "meta/meta_backend.h"
#include "models/config_fields.h"

namespace peft::capi {
namespace {

// Bytes and tensors of each storage type.
struct TypeCount {
  int64_t tensors = 0, bytes = 0, elements = 0;
};

std::map<DType, TypeCount> count_types(const Model& model) {
  std::map<DType, TypeCount> types;
  for (const Parameter& parameter : model.transformer().layout().parameters) {
    if (parameter.tied_to != no_parameter) continue;
    TypeCount& count = types[parameter.value.dtype()];
    ++count.tensors;
    count.bytes += storage_bytes(parameter.value.dtype(), parameter.shape);
    count.elements += parameter.shape.elements();
  }
  return types;
}

Json model_json(const Model& model) {
  Json json = Json::object();
  json["kind"] = "model";
  json["path"] = model.path();
  json["format"] = model.from_gguf() ? "gguf" : "safetensors";
  json["family"] = std::string(model.family().name);
  json["parameters"] = model.parameter_count();
  json["weight_bytes"] = model.weight_bytes();
  if (model.host_weight_bytes() > 0) json["host_weight_bytes"] = model.host_weight_bytes();
  Json types = Json::object();
  for (const auto& [dtype, count] : count_types(model)) {
    Json entry = Json::object();
    entry["tensors"] = count.tensors;
    entry["bytes"] = count.bytes;
    entry["elements"] = count.elements;
    types[std::string(name_of(dtype))] = std::move(entry);
  }
  json["tensors"] = std::move(types);
  json["config"] = model.config();
  Json tokenizer = nullptr;
  if (model.tokenizer()) {
    tokenizer = Json::object();
    tokenizer["vocabulary_size"] = model.tokenizer()->vocabulary_size();
    tokenizer["bos_id"] = model.tokenizer()->bos_id();
    tokenizer["eos_id"] = model.tokenizer()->eos_id();
  }
  json["tokenizer"] = std::move(tokenizer);
  json["chat_template"] = !model.chat_template().empty();
  json["end_tokens"] = model.end_tokens();
  if (model.gguf_metadata()) {
    Json metadata = Json::object();
    for (const auto& [key, value] : model.gguf_metadata()->items()) {
      std::visit(
          [&](const auto& inner) {
            using T = std::decay_t<decltype(inner)>;
            if constexpr (std::is_same_v<T, GgufArray>)
              metadata[key] = inner.size();
            else if constexpr (std::is_same_v<T, std::string>)
              metadata[key] = inner.substr(0, 4096);
            else
              metadata[key] = inner;
          },
          value.data);
    }
    json["metadata"] = std::move(metadata);
  }
  return json;
}

Json adapter_json(const AdapterFolder& folder) {
  Json json = Json::object();
  json["kind"] = "adapter";
  json["path"] = folder.path;
  json["format"] = "safetensors";
  json["method"] = folder.config.value("peft_type", "");
  json["base_model"] =
      folder.config.contains("base_model_name_or_path") ? folder.config["base_model_name_or_path"] : Json();
  int64_t elements = 0, bytes = 0;
  Json types = Json::object();
  for (const TensorEntry& entry : folder.tensors->entries()) {
    elements += entry.shape.elements();
    bytes += entry.bytes;
    Json& count = types[std::string(name_of(entry.dtype))];
    count = (count.is_number() ? count.get<int64_t>() : int64_t{0}) + 1;
  }
  json["parameters"] = elements;
  json["bytes"] = bytes;
  json["tensors"] = std::move(types);
  json["config"] = folder.config;
  bool known = false;
  for (const Method& method : methods())
    known = known || method.peft_type == json["method"].get<std::string>();
  check(known, Code::unsupported, "{}: peft_type '{}' is not supported", folder.path,
        json["method"].get<std::string>());
  return json;
}

}  // namespace

std::string head_path(const Model& model) {
  const Layout& layout = model.transformer().layout();
  return layout.modules[static_cast<size_t>(layout.module("head"))].path;
}

std::optional<DType> save_dtype_of(peft_dtype dtype, bool gguf) {
  switch (static_cast<int>(dtype)) {
    case PEFT_DTYPE_AS_STORED:
      return std::nullopt;
    case PEFT_DTYPE_FLOAT32:
      return DType::f32;
    case PEFT_DTYPE_FLOAT16:
      return DType::f16;
    case PEFT_DTYPE_BFLOAT16:
      return DType::bf16;
    case PEFT_DTYPE_Q8_0:
      check(gguf, Code::unsupported,
            "Q8_0 is a type of GGUF files; a safetensors folder holds float32, float16 or bfloat16");
      return DType::q8_0;
    default:
      fail(Code::unsupported, "saving as {} is not supported (float32, float16, bfloat16, Q8_0 in GGUF)",
           name_of(dtype));
  }
}

peft_parameter_info parameter_info_of(const Shape& shape, DType dtype, bool trainable) {
  peft_parameter_info info{};
  info.dtype = dtype_of(dtype);
  info.dimensions = shape.rank();
  for (int i = 0; i < shape.rank(); ++i) info.shape[i] = shape[i];
  info.trainable = trainable;
  info.elements = shape.elements();
  info.bytes = storage_bytes(dtype, shape);
  return info;
}

peft_module_info module_info_of(const Module& module, const Layout& layout) {
  peft_module_info info{};
  info.layer = module.layer;
  const char* kind = "linear";
  if (module.kind == ModuleKind::embedding) kind = "embedding";
  if (module.kind == ModuleKind::norm) kind = "norm";
  if (module.conv1d) kind = "conv1d";
  copy_name(info.kind, kind);
  info.in_features = module.in_features;
  info.out_features = module.out_features;
  info.dtype = dtype_of(layout.parameters[static_cast<size_t>(module.weight)].value.dtype());
  info.is_output_head = module.kind == ModuleKind::head;
  return info;
}

peft_model_info model_info_of(ModelObject& object) {
  const Model& model = *object.core->model;
  const ModelSpec& spec = model.transformer().spec();
  const Layout& layout = model.transformer().layout();
  peft_model_info info{};
  int64_t most = -1;
  for (const auto& [dtype, count] : count_types(model)) {
    info.parameter_count += count.tensors;
    if (count.elements > most) {
      most = count.elements;
      info.dtype = dtype_of(dtype);
    }
  }
  copy_name(info.family, model.family().name);
  copy_name(info.device, object.core->device->name());
  info.parameter_elements = model.parameter_count();
  info.weight_bytes = model.weight_bytes();
  info.host_weight_bytes = model.host_weight_bytes();
  info.module_count = static_cast<int64_t>(layout.modules.size());
  info.layers = spec.decoder.layers;
  info.hidden_size = spec.width;
  const AttentionSpec& attention = attention_of(spec);
  info.attention_heads = attention.heads;
  info.key_value_heads = attention.kv_heads;
  info.head_size = attention.head_dim;
  info.feed_forward_size = feed_forward_of(spec).hidden;
  info.vocabulary_size = spec.vocabulary;
  info.context_length = spec.context_length;
  const Module& head = layout.modules[static_cast<size_t>(layout.module("head"))];
  info.tied_head = layout.parameters[static_cast<size_t>(head.weight)].tied_to != no_parameter;
  info.has_tokenizer = model.tokenizer() != nullptr;
  info.has_chat_template = !model.chat_template().empty();
  const std::lock_guard lock(object.mutex);
  info.adapter_count = static_cast<int64_t>(object.adapters.size());
  info.merge_tensor_count = static_cast<int64_t>(object.report.tensors.size());
  info.merged_adapters = static_cast<int32_t>(object.merges.size());
  for (const ModelObject::Merge& merge : object.merges) info.original_bytes += merge.weights.original_bytes();
  return info;
}

Json describe_model(ModelObject& object) {
  Json json = model_json(*object.core->model);
  json["device"] = object.core->device->name();
  Json adapters = Json::array();
  const std::lock_guard lock(object.mutex);
  for (const auto& adapter : object.adapters) {
    Json entry = Json::object();
    entry["name"] = adapter->adapter->name();
    entry["method"] = std::string(adapter->adapter->plan().peft_type());
    entry["parameters"] = adapter->adapter->parameter_count();
    adapters.push_back(std::move(entry));
  }
  json["adapters"] = std::move(adapters);
  return json;
}

Json inspect_path(ContextObject& context, const std::string& path, const CancelToken* cancel) {
  if (is_adapter_folder(path)) return adapter_json(open_adapter_folder(path, context.limits));
  // On the meta device a load checks every header, name and shape and allocates nothing.
  const auto device = make_meta_device(find_device("cpu"));
  Context meta(device->create_backend(1));
  LoadOptions load;
  load.cancel = cancel;
  load.limits = context.limits;
  return model_json(*Model::load(path, meta, load));
}

}  // namespace peft::capi
