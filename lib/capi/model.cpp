#include "peft/model.h"

#include <limits>

#include "base/file.h"
#include "capi/describe.h"
#include "capi/load_options.h"
#include "capi/objects.h"
#include "capi/structs.h"
#include "models/quantize.h"
#include "models/save.h"
#include "ops/convert.h"

using namespace peft;
using namespace peft::capi;

namespace {

peft_save_options save_defaults() {
  peft_save_options options{};
  options.struct_size = sizeof options;
  return options;
}

// A callback's word on whether to go on.
void obey(int32_t answer) {
  check(answer != 1, Code::cancelled, "cancelled by a callback");
  check(answer == 0, Code::callback, "a callback failed with {}", answer);
}

// The callback's data is dropped whatever happens, so it is read before anything can fail.
DropLater callback_data(const peft_model_options* options) {
  peft_model_options given{};
  if (!options || options->struct_size < 2 * sizeof(uint32_t) || options->struct_size > largest_struct)
    return {nullptr, nullptr};
  std::memcpy(static_cast<void*>(&given), options, std::min<size_t>(options->struct_size, sizeof given));
  return {given.drop, given.user_data};
}

const Parameter& parameter_of(const ModelObject& model, const char* name) {
  const std::string wanted = read_string(name, "name");
  for (const Parameter& parameter : model.core->model->transformer().layout().parameters)
    if (parameter.path == wanted) return parameter;
  fail(Code::not_found, "the model has no parameter '{}'", wanted);
}

// Parameters that are stored: tied ones are listed under the tensor they share.
std::vector<const Parameter*> stored_parameters(const Model& model) {
  std::vector<const Parameter*> list;
  for (const Parameter& parameter : model.transformer().layout().parameters)
    if (parameter.tied_to == no_parameter) list.push_back(&parameter);
  return list;
}

}  // namespace

extern "C" {

peft_status peft_model_options_init(peft_model_options* options, size_t size) {
  return init_struct(options, size, model_defaults());
}

peft_status peft_model_load(const peft_context* context, const char* path, const peft_model_options* options,
                            peft_model** out) {
  const DropLater caller_data = callback_data(options);
  return guard([&] {
    const peft_model_options given = read_struct(options, model_defaults(), "options");
    check_pointer(out, "out");
    const auto parent = shared<ContextObject>(context);
    const CancelUse cancel(given.cancel);
    LoadOptions load = read_load_options(given);
    load.cancel = cancel.token();
    load.limits = parent->limits;
    load.progress = [&](int64_t done, int64_t total) {
      const double fraction = total > 0 ? static_cast<double>(done) / static_cast<double>(total) : 1;
      cancel.progress(fraction);
      if (given.progress) obey(given.progress(given.user_data, fraction));
    };
    auto core = std::make_shared<ModelCore>();
    core->context = parent.object();
    core->device = &device_of(given.device);
    const auto work = core->make_context();
    core->model = Model::load(read_string(path, "path"), *work, load);
    auto object = std::make_shared<ModelObject>();
    object->core = std::move(core);
    *out = static_cast<peft_model*>(add_handle(std::move(object)));
  });
}

peft_status peft_model_retain(const peft_model* model) {
  return guard([&] { retain_handle(model, ObjectType::model); });
}

void peft_model_free(peft_model* model) { free_handle(model, ObjectType::model); }

peft_status peft_model_get_info(const peft_model* model, peft_model_info* info) {
  return guard([&] {
    check_output(info, "info");
    const auto object = shared<ModelObject>(model);
    write_struct(info, model_info_of(*object));
  });
}

peft_status peft_model_describe(const peft_model* model, char* buf, size_t cap, size_t* len) {
  return guard(
      [&] { deliver_text(dump_json(describe_model(*shared<ModelObject>(model)), 2), buf, cap, len); });
}

peft_status peft_model_parameter_at(const peft_model* model, int64_t index, peft_parameter_info* info,
                                    char* buf, size_t cap, size_t* len) {
  return guard([&] {
    if (info) check_output(info, "info");
    const auto object = shared<ModelObject>(model);
    const std::vector<const Parameter*> list = stored_parameters(*object->core->model);
    check(index >= 0 && static_cast<size_t>(index) < list.size(), Code::not_found,
          "there is no parameter {}; there are {}", index, list.size());
    const Parameter& parameter = *list[static_cast<size_t>(index)];
    deliver_text(parameter.path, buf, cap, len);
    if (info) write_struct(info, parameter_info_of(parameter.shape, parameter.value.dtype(), false));
  });
}

peft_status peft_model_parameter_read(const peft_model* model, const char* name, float* data, size_t cap,
                                      size_t* len) {
  return guard([&] {
    const auto object = shared<ModelObject>(model);
    const Parameter& parameter = parameter_of(*object, name);
    const auto elements = static_cast<size_t>(parameter.shape.elements());
    if (len) *len = elements;
    check(data != nullptr || cap == 0, Code::invalid_argument, "data is NULL but cap is {}", cap);
    if (!data) return;
    check(cap >= elements, Code::limit, "the buffer holds {} elements, {} are needed", cap, elements);
    const auto work = object->core->make_context();
    const std::vector<float> values = work->to_host(dequantized(*work, parameter.value));
    deliver<float>(values, data, cap, len);
  });
}

peft_status peft_model_module_at(const peft_model* model, int64_t index, peft_module_info* info, char* buf,
                                 size_t cap, size_t* len) {
  return guard([&] {
    if (info) check_output(info, "info");
    const auto object = shared<ModelObject>(model);
    const Layout& layout = object->core->model->transformer().layout();
    check(index >= 0 && static_cast<size_t>(index) < layout.modules.size(), Code::not_found,
          "there is no module {}; there are {}", index, layout.modules.size());
    const Module& module = layout.modules[static_cast<size_t>(index)];
    deliver_text(module.path, buf, cap, len);
    if (info) write_struct(info, module_info_of(module, layout));
  });
}

peft_status peft_save_options_init(peft_save_options* options, size_t size) {
  return init_struct(options, size, save_defaults());
}

peft_status peft_model_save(const peft_model* model, const char* path, const peft_save_options* options) {
  return guard([&] {
    const peft_save_options given = read_struct(options, save_defaults(), "options");
    const auto object = shared<ModelObject>(model);
    const CancelUse cancel(given.cancel);
    const std::string target = read_string(path, "path");
    check(!target.empty(), Code::invalid_argument, "path is empty");
    check_range<int>(given.format, PEFT_FILE_AUTO, PEFT_FILE_GGUF, "format");
    check_flag(given.without_tokenizer, "without_tokenizer");
    check(given.max_file_bytes >= 0, Code::invalid_argument, "max_file_bytes must not be negative");
    const bool gguf =
        given.format == PEFT_FILE_GGUF || (given.format == PEFT_FILE_AUTO && target.ends_with(".gguf"));
    SaveOptions save;
    save.dtype = save_dtype_of(given.dtype, gguf);
    save.tokenizer = given.without_tokenizer == 0;
    if (given.max_file_bytes > 0) save.shard_bytes = given.max_file_bytes;
    save.cancel = cancel.token();
    const auto work = object->core->make_context();
    if (gguf)
      save_gguf(*object->core->model, target, *work, save);
    else
      save_folder(*object->core->model, target, *work, save);
  });
}

peft_status peft_quantize_options_init(peft_quantize_options* options, size_t size) {
  return init_struct(options, size, quantize_defaults());
}

peft_status peft_quantize_nf4(peft_model* model, const peft_quantize_options* options) {
  return guard([&] {
    const peft_quantize_options given = read_struct(options, quantize_defaults(), "options");
    const CancelUse cancel(given.cancel);
    const Alone object(model);
    QuantizeOptions quantize = read_quantize_options(given);
    for (const ModelObject::Merge& merge : object->merges)
      check(!merge.has_originals, Code::state,
            "adapter '{}' is merged and its originals are kept: unmerge or discard them first",
            merge.adapter->adapter->name());
    quantize.cancel = cancel.token();
    const auto work = object->core->make_context();
    quantize_model(*object->core->model, *work, quantize);
  });
}

peft_status peft_inspect(const peft_context* context, const char* path, const peft_cancel* cancel, char* buf,
                         size_t cap, size_t* len) {
  return guard([&] {
    const auto parent = shared<ContextObject>(context);
    const CancelUse stop(cancel);
    deliver_text(dump_json(inspect_path(*parent, read_string(path, "path"), stop.token()), 2), buf, cap, len);
  });
}

}  // extern "C"
