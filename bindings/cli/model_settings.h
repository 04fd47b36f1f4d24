// Settings that load a model, and the loading itself.
#pragma once

#include "api.h"
#include "settings.h"

namespace peft_cli {

struct ModelSettings {
  std::string model, adapter, dtype = "as-stored", device = "cpu", embedding_memory = "device";
  int64_t threads = 0;
  bool load_in_4bit = false, follow_links = false;

  void add(Settings& settings);
  void add_adapter(Settings& settings);
};

// How products are computed; for everything that runs a model.
struct ArithmeticSettings {
  std::string compute_dtype = "float32", activations = "exact";

  void add_compute_dtype(Settings& settings);
  void add_activations(Settings& settings);
  peft_dtype dtype() const;
  peft_activations activation_kind() const;
};

// "float32", "bf16", ... Throws UsageError.
peft_dtype dtype_of(const std::string& word);

Context make_context(const ModelSettings& settings);
peft_model_options model_options(const ModelSettings& settings);  // points into settings

// Loads and, if asked for, quantizes. `without_tokenizer` saves the time where no text is needed.
Model load_model(const peft_context* context, const ModelSettings& settings, bool without_tokenizer = false);
// Empty owner for an empty path.
Adapter load_adapter(const peft_model* model, const std::string& path, bool trainable = false);
// Empty owner when the model has none.
Tokenizer tokenizer_of(const peft_model* model);
// The same before the model is loaded.
Tokenizer load_tokenizer(const peft_context* context, const ModelSettings& settings);

// "SmolLM2-135M-Instruct.Q4_1.gguf (llama, Q4_1)"
std::string title_of(const peft_model* model, const ModelSettings& settings);
// "cpu, AMD EPYC 7B13"
std::string device_text(const std::string& id);

}  // namespace peft_cli
