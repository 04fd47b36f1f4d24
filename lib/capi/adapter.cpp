#include "peft/adapter.h"

#include <cmath>

#include "adapters/files.h"
#include "adapters/gguf.h"
#include "base/file.h"
#include "capi/describe.h"
#include "capi/lora_config.h"
#include "capi/objects.h"
#include "capi/structs.h"
#include "models/weights.h"

using namespace peft;
using namespace peft::capi;

namespace {

peft_adapter_options adapter_defaults() {
  peft_adapter_options options{};
  options.struct_size = sizeof options;
  options.trainable = 1;
  options.seed = 42;
  return options;
}

std::string read_name(const char* name) {
  const std::string text = read_string(name, "name", 255);
  check(!text.empty(), Code::invalid_argument, "the adapter's name is empty");
  return text;
}

std::string new_name(const char* name) {
  std::string text = read_name(name);
  check(text.find_first_of("./") == std::string::npos, Code::invalid_argument,
        "an adapter's name holds no '.' and no '/', unlike '{}'", text);
  return text;
}

// Puts an adapter on the model's list; the name must be free.
peft_adapter* publish(const std::shared_ptr<ModelObject>& model, std::shared_ptr<Adapter> adapter,
                      bool trainable) {
  auto object = std::make_shared<AdapterObject>();
  object->core = model->core;
  object->owner = model;
  object->adapter = std::move(adapter);
  object->trainable = trainable;
  const std::lock_guard lock(model->mutex);
  for (const auto& other : model->adapters)
    check(other->adapter->name() != object->adapter->name(), Code::state,
          "the model has an adapter '{}' already", object->adapter->name());
  model->adapters.reserve(model->adapters.size() + 1);
  void* handle = add_handle(object);
  model->adapters.push_back(std::move(object));
  return static_cast<peft_adapter*>(handle);
}

peft_adapter* attach(const std::shared_ptr<ModelObject>& model, const std::string& name, const Json& config,
                     int64_t seed, bool trainable, const std::string& what) {
  check(seed >= 0, Code::invalid_argument, "seed must not be negative, not {}", seed);
  const Model& loaded = *model->core->model;
  PlanInput input{loaded.transformer(), config, what, {}, false, static_cast<uint64_t>(seed)};
  if (const auto tokenizer = loaded.tokenizer())
    input.encode = [tokenizer](std::string_view text) { return tokenizer->encode(text, true); };
  std::shared_ptr<const Plan> plan = plan_adapter(input);
  const auto work = model->core->make_context();
  return publish(
      model, Adapter::create(name, std::move(plan), loaded.transformer(), *work, static_cast<uint64_t>(seed)),
      trainable);
}

// Keeps the base weights as they are while a call reads them: a shared use of the adapter's model.
class BaseRead {
 public:
  explicit BaseRead(const AdapterObject& adapter) : model_(adapter.owner.lock()) {
    if (model_) model_->enter(false);
  }
  ~BaseRead() {
    if (model_) model_->leave(false);
  }
  BaseRead(const BaseRead&) = delete;
  BaseRead& operator=(const BaseRead&) = delete;

 private:
  std::shared_ptr<ModelObject> model_;
};

}  // namespace

extern "C" {

peft_status peft_lora_config_init(peft_lora_config* config, size_t size) {
  return init_struct(config, size, lora_defaults());
}

peft_status peft_attach_lora(const peft_model* model, const char* name, const peft_lora_config* config,
                             peft_adapter** out) {
  return guard([&] {
    check_pointer(out, "out");
    const peft_lora_config given = read_struct(config, lora_defaults(), "config");
    const auto object = shared<ModelObject>(model);
    const Json json = lora_json_of(given, object->core->context->limits);
    *out = attach(object.object(), new_name(name), json, given.seed, true, "LoRA configuration");
  });
}

peft_status peft_adapter_options_init(peft_adapter_options* options, size_t size) {
  return init_struct(options, size, adapter_defaults());
}

peft_status peft_attach(const peft_model* model, const char* name, const char* json, size_t json_len,
                        const peft_adapter_options* options, peft_adapter** out) {
  return guard([&] {
    check_pointer(out, "out");
    const peft_adapter_options given = read_struct(options, adapter_defaults(), "options");
    check_flag(given.trainable, "trainable");
    const auto object = shared<ModelObject>(model);
    const CancelUse cancel(given.cancel);
    poll(cancel.token());
    const Limits& limits = object->core->context->limits;
    const Json config =
        parse_json(read_text(json, json_len, limits.json_bytes, "json"), "adapter configuration", limits);
    *out = attach(object.object(), new_name(name), config, given.seed, given.trainable != 0,
                  "adapter configuration");
  });
}

peft_status peft_adapter_load(const peft_model* model, const char* name, const char* path,
                              const peft_adapter_options* options, peft_adapter** out) {
  return guard([&]() -> peft_status {
    check_pointer(out, "out");
    const peft_adapter_options given = read_struct(options, adapter_defaults(), "options");
    check_flag(given.trainable, "trainable");
    const auto object = shared<ModelObject>(model);
    const CancelUse cancel(given.cancel);
    poll(cancel.token());
    const auto work = object->core->make_context();
    work->cancel = cancel.token();
    const Model& loaded = *object->core->model;
    LoadedAdapter adapter = load_adapter(new_name(name), read_string(path, "path"), loaded.transformer(),
                                         *work, loaded.path(), object->core->context->limits);
    *out = publish(object.object(), std::move(adapter.adapter), given.trainable != 0);
    if (adapter.note.empty()) return PEFT_OK;
    set_message(std::move(adapter.note));
    return PEFT_NOTE;
  });
}

peft_status peft_adapter_save(const peft_adapter* adapter, const char* path,
                              const peft_save_options* options) {
  return guard([&] {
    peft_save_options defaults{};
    defaults.struct_size = sizeof defaults;
    const peft_save_options given = read_struct(options, defaults, "options");
    const auto object = shared<AdapterObject>(adapter);
    const CancelUse cancel(given.cancel);
    const std::string target = read_string(path, "path");
    check(!target.empty(), Code::invalid_argument, "path is empty");
    check_range<int>(given.format, PEFT_FILE_AUTO, PEFT_FILE_GGUF, "format");
    const BaseRead base(*object);
    const auto work = object->core->make_context();
    work->cancel = cancel.token();
    if (given.format == PEFT_FILE_GGUF || (given.format == PEFT_FILE_AUTO && target.ends_with(".gguf"))) {
      const Model& model = *object->core->model;
      SaveGgufAdapterOptions save;
      save.architecture = model.family().gguf_architecture;
      save.target_of = [&model](const Module& module) {
        const GgufWeight weight = gguf_weight_of(model.family(), model.transformer().spec(), module);
        return GgufTarget{weight.name, weight.interleaved_heads};
      };
      save.dtype = save_dtype_of(given.dtype, false).value_or(DType::f32);
      save_gguf_adapter(*object->adapter, model.transformer(), target, *work, save);
      return;
    }
    SaveAdapterOptions save;
    save.base_name = read_string_or(given.base_model_name, "base_model_name", object->core->model->path());
    save.dtype = save_dtype_of(given.dtype, false).value_or(DType::f32);
    // Merged into the base, it would be filed with weights that hold it already.
    if (!object->merged) save.model = &object->core->model->transformer();
    save_adapter(*object->adapter, target, *work, save);
  });
}

peft_status peft_adapter_retain(const peft_adapter* adapter) {
  return guard([&] { retain_handle(adapter, ObjectType::adapter); });
}

void peft_adapter_free(peft_adapter* adapter) { free_handle(adapter, ObjectType::adapter); }

peft_status peft_adapter_get_info(const peft_adapter* adapter, peft_adapter_info* info) {
  return guard([&] {
    check_output(info, "info");
    const auto object = shared<AdapterObject>(adapter);
    const Plan& plan = object->adapter->plan();
    const Json config = plan.config();
    peft_adapter_info result{};
    copy_name(result.method, plan.peft_type());
    if (plan.peft_type() == "LORA") {
      result.r = config["r"].get<int32_t>();
      result.lora_alpha = config["lora_alpha"].get<double>();
    } else if (plan.peft_type() == "PROMPT_TUNING") {
      result.r = config["num_virtual_tokens"].get<int32_t>();
    }
    result.scale = object->adapter->scale();
    result.parameter_elements = object->adapter->parameter_count();
    result.parameter_bytes = result.parameter_elements * 4;
    result.parameter_count = static_cast<int64_t>(plan.tensors().size());
    result.module_count = static_cast<int64_t>(plan.target_paths().size());
    result.trained_steps = object->trained_steps;
    result.trainable = object->trainable;
    result.attached = object->attached;
    result.merged = object->merged;
    write_struct(info, result);
  });
}

peft_status peft_adapter_get_name(const peft_adapter* adapter, char* buf, size_t cap, size_t* len) {
  return guard([&] { deliver_text(shared<AdapterObject>(adapter)->adapter->name(), buf, cap, len); });
}

peft_status peft_adapter_get_config(const peft_adapter* adapter, char* buf, size_t cap, size_t* len) {
  return guard([&] {
    deliver_text(dump_json(shared<AdapterObject>(adapter)->adapter->plan().config(), 2), buf, cap, len);
  });
}

peft_status peft_adapter_parameter_at(const peft_adapter* adapter, int64_t index, peft_parameter_info* info,
                                      char* buf, size_t cap, size_t* len) {
  return guard([&] {
    if (info) check_output(info, "info");
    const auto object = shared<AdapterObject>(adapter);
    const std::vector<PlannedTensor>& tensors = object->adapter->plan().tensors();
    check(index >= 0 && static_cast<size_t>(index) < tensors.size(), Code::not_found,
          "there is no parameter {}; there are {}", index, tensors.size());
    const PlannedTensor& tensor = tensors[static_cast<size_t>(index)];
    deliver_text(tensor.key, buf, cap, len);
    if (info) write_struct(info, parameter_info_of(tensor.shape, DType::f32, object->trainable));
  });
}

peft_status peft_adapter_parameter_read(const peft_adapter* adapter, const char* name, float* data,
                                        size_t cap, size_t* len) {
  return guard([&] {
    const auto object = shared<AdapterObject>(adapter);
    const std::string wanted = read_string(name, "name");
    const std::vector<PlannedTensor>& tensors = object->adapter->plan().tensors();
    for (size_t i = 0; i < tensors.size(); ++i) {
      if (tensors[i].key != wanted) continue;
      const auto work = object->core->make_context();
      const std::vector<float> values = work->to_host(object->adapter->values(work.get())[i]);
      deliver<float>(values, data, cap, len);
      return;
    }
    fail(Code::not_found, "the adapter has no parameter '{}'", wanted);
  });
}

peft_status peft_adapter_set_scale(peft_adapter* adapter, double scale) {
  return guard([&] {
    const auto object = exclusive<AdapterObject>(adapter);
    check(std::isfinite(scale) && std::abs(scale) <= 1e6, Code::invalid_argument,
          "scale must be finite and at most 1e6 in size, not {}", scale);
    check(!object->merged, Code::state, "adapter '{}' is merged into the weights; unmerge it first",
          object->adapter->name());
    object->adapter->set_scale(static_cast<float>(scale));
  });
}

peft_status peft_adapter_detach(peft_adapter* adapter) {
  return guard([&] {
    const auto object = exclusive<AdapterObject>(adapter);
    check(object->attached, Code::state, "adapter '{}' is detached already", object->adapter->name());
    check(!object->merged, Code::state, "adapter '{}' is merged into the weights; unmerge it first",
          object->adapter->name());
    if (const auto owner = object->owner.lock()) {
      const std::lock_guard lock(owner->mutex);
      std::erase(owner->adapters, object.object());
    }
    object->attached = false;
  });
}

peft_status peft_model_adapter_at(const peft_model* model, int64_t index, peft_adapter** out) {
  return guard([&] {
    check_pointer(out, "out");
    const auto object = shared<ModelObject>(model);
    const std::lock_guard lock(object->mutex);
    check(index >= 0 && static_cast<size_t>(index) < object->adapters.size(), Code::not_found,
          "there is no adapter {}; there are {}", index, object->adapters.size());
    *out = static_cast<peft_adapter*>(add_handle(object->adapters[static_cast<size_t>(index)]));
  });
}

peft_status peft_model_adapter_find(const peft_model* model, const char* name, peft_adapter** out) {
  return guard([&] {
    check_pointer(out, "out");
    const auto object = shared<ModelObject>(model);
    const std::string wanted = read_name(name);
    const std::lock_guard lock(object->mutex);
    for (const auto& adapter : object->adapters) {
      if (adapter->adapter->name() != wanted) continue;
      *out = static_cast<peft_adapter*>(add_handle(adapter));
      return;
    }
    fail(Code::not_found, "the model has no adapter '{}'", wanted);
  });
}

}  // extern "C"
