#include "model_settings.h"

#include <algorithm>

#include <fmt/format.h>

#include "files.h"
#include "interrupt.h"
#include "terminal.h"

namespace peft_cli {
namespace {

int32_t show_loading(void* line, double fraction) {
  static_cast<ProgressLine*>(line)->show(fmt::format("loading {:.0f} %", 100 * fraction));
  return 0;
}

}  // namespace

void ModelSettings::add(Settings& settings) {
  settings.text(
      "model", model, "model folder or GGUF file",
      {"m", "base_model", "model_name_or_path", "model_path", "base_model_name_or_path", "model_name"});
  settings.text("dtype", dtype, "type of the weights: as-stored, float32, bfloat16",
                {"torch_dtype", "model_dtype"});
  settings.text("device", device, "auto, cpu, cuda:N");
  settings.word("embedding-memory", embedding_memory, {"device", "host"},
                "memory of the token embedding, where the head is another tensor");
  settings.integer("threads", threads, 0, 4096, "threads; 0: as many as the process may run on", {"t"});
  settings.flag("load-in-4bit", load_in_4bit, "quantize the weights to NF4 as they are read", {"qlora"});
  settings.flag("follow-links", follow_links, "files may be links that lead out of the model's folder");
}

void ModelSettings::add_adapter(Settings& settings) {
  settings.text("adapter", adapter, "adapter folder, as PEFT writes it",
                {"a", "adapter_path", "adapter_name_or_path", "lora_model_dir"});
}

void ArithmeticSettings::add_compute_dtype(Settings& settings) {
  settings.text("compute-dtype", compute_dtype,
                "float32 (exact) or bfloat16 (activations rounded for matrix products)");
}

void ArithmeticSettings::add_activations(Settings& settings) {
  settings.word("activations", activations, {"exact", "int8"},
                "activations in products with quantized weights");
}

peft_dtype ArithmeticSettings::dtype() const {
  const peft_dtype result = dtype_of(compute_dtype);
  if (result != PEFT_DTYPE_FLOAT32 && result != PEFT_DTYPE_BFLOAT16)
    throw UsageError(fmt::format("--compute-dtype: expected float32 or bfloat16, found '{}'", compute_dtype));
  return result;
}

peft_activations ArithmeticSettings::activation_kind() const {
  return activations == "int8" ? PEFT_ACTIVATIONS_INT8 : PEFT_ACTIVATIONS_EXACT;
}

peft_dtype dtype_of(const std::string& word) {
  if (word == "as-stored" || word == "as_stored" || word == "auto" || word.empty())
    return PEFT_DTYPE_AS_STORED;
  if (word == "float32" || word == "f32" || word == "fp32") return PEFT_DTYPE_FLOAT32;
  if (word == "bfloat16" || word == "bf16") return PEFT_DTYPE_BFLOAT16;
  if (word == "float16" || word == "f16" || word == "fp16") return PEFT_DTYPE_FLOAT16;
  if (word == "q8_0" || word == "Q8_0") return PEFT_DTYPE_Q8_0;
  throw UsageError(fmt::format("unknown element type '{}'; expected as-stored, float32, bfloat16", word));
}

namespace {

peft_dtype loading_dtype(const std::string& word) {
  const peft_dtype result = dtype_of(word);
  if (result != PEFT_DTYPE_AS_STORED && result != PEFT_DTYPE_FLOAT32 && result != PEFT_DTYPE_BFLOAT16)
    throw UsageError(fmt::format(
        "--dtype: expected as-stored, float32 or bfloat16, found '{}', which is a type of merged files only",
        word));
  return result;
}

}  // namespace

Context make_context(const ModelSettings& settings) {
  auto options = defaults(peft_context_options_init);
  options.threads = static_cast<int32_t>(settings.threads);
  return make<Context>(peft_context_create, &options);
}

peft_model_options model_options(const ModelSettings& settings) {
  auto options = defaults(peft_model_options_init);
  options.dtype = loading_dtype(settings.dtype);
  options.device = settings.device.c_str();
  options.follow_links = settings.follow_links;
  options.embedding_placement =
      settings.embedding_memory == "host" ? PEFT_PLACEMENT_HOST : PEFT_PLACEMENT_DEVICE;
  static const peft_quantize_options nf4 = defaults(peft_quantize_options_init);  // pointed to by the result
  options.quantize_nf4 = settings.load_in_4bit ? &nf4 : nullptr;
  options.cancel = interrupt_token();
  return options;
}

Model load_model(const peft_context* context, const ModelSettings& settings, bool without_tokenizer) {
  auto options = model_options(settings);
  options.without_tokenizer = without_tokenizer;
  ProgressLine line;
  options.progress = show_loading;
  options.user_data = &line;
  Model model = make<Model>(peft_model_load, context, settings.model.c_str(), &options);
  line.clear();
  return model;
}

Adapter load_adapter(const peft_model* model, const std::string& path, bool trainable) {
  if (path.empty()) return nullptr;
  auto options = defaults(peft_adapter_options_init);
  options.trainable = trainable;
  options.cancel = interrupt_token();
  return make<Adapter>(peft_adapter_load, model, "default", path.c_str(), &options);
}

Tokenizer tokenizer_of(const peft_model* model) {
  if (!info_of(model).has_tokenizer) return nullptr;
  return make<Tokenizer>(peft_tokenizer_from_model, model);
}

Tokenizer load_tokenizer(const peft_context* context, const ModelSettings& settings) {
  if (!is_file(settings.model) && !is_folder(settings.model))
    throw CommandError(fmt::format("{}: no such model folder or GGUF file", settings.model));
  peft_tokenizer* tokenizer = nullptr;
  const peft_status status = peft_tokenizer_load(context, settings.model.c_str(), &tokenizer);
  if (status == PEFT_E_NOT_FOUND) return nullptr;
  call(status);
  return Tokenizer(tokenizer);
}

std::string title_of(const peft_model* model, const ModelSettings& settings) {
  const peft_model_info info = info_of(model);
  return fmt::format("{} ({}, {})", base_name(settings.model), info.family, name_of(info.dtype));
}

std::string device_text(const std::string& id) {
  int32_t count = 0;
  call(peft_device_count(&count));
  for (int32_t i = 0; i < count; ++i) {
    auto info = empty_result<peft_device_info>();
    call(peft_device_get_info(i, &info));
    if (id == info.id) return fmt::format("{}, {}", info.id, info.name);
  }
  return id;
}

}  // namespace peft_cli
