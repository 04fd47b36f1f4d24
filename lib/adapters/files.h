// Adapters to and from PEFT's folders.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "adapters/adapter.h"
#include "base/limits.h"

namespace peft {

struct LoadedAdapter {
  std::shared_ptr<Adapter> adapter;
  // Not empty: worth telling, no error (another base model was named, a base weight could not be compared).
  std::string note;
};

// Reads a folder strictly: the config is understood whole, every tensor of the file is used once and every
// planned one is found, shapes agree, values are finite. f16 and bf16 become f32. Base weights that PEFT
// filed with an adapted embedding or head must be the model's own (Code::mismatch); they are not loaded.
// `base_name` is what the model is called.
LoadedAdapter load_adapter(const std::string& name, const std::string& path, const Transformer& model,
                           Context& context, const std::string& base_name, const Limits& limits = {});

struct SaveAdapterOptions {
  std::string base_name;                  // base_model_name_or_path
  DType dtype = DType::f32;               // f32, f16 or bf16
  std::optional<std::string> model_card;  // README.md
  // The model, to file the weights of adapted embeddings and heads as PEFT does (not where it holds them
  // quantized); null: the adapter's own tensors only, which PEFT reads as well.
  const Transformer* model = nullptr;
};

// Writes the folder; see formats/adapter_folder.h for what happens when it fails.
void save_adapter(const Adapter& adapter, const std::string& path, Context& context,
                  const SaveAdapterOptions& options);

}  // namespace peft
