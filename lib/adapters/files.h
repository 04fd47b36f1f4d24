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
  std::string note;  // not empty: worth telling, no error (another base model was named)
};

// Reads a folder strictly: the config is understood whole, every tensor of the file is used once and every
// planned one is found, shapes agree, values are finite. f16 and bf16 become f32. `base_name` is what the
// model is called.
LoadedAdapter load_adapter(const std::string& name, const std::string& path, const Transformer& model,
                           Context& context, const std::string& base_name, const Limits& limits = {});

struct SaveAdapterOptions {
  std::string base_name;                  // base_model_name_or_path
  DType dtype = DType::f32;               // f32, f16 or bf16
  std::optional<std::string> model_card;  // README.md
};

// Writes the folder; see formats/adapter_folder.h for what happens when it fails.
void save_adapter(const Adapter& adapter, const std::string& path, Context& context,
                  const SaveAdapterOptions& options);

}  // namespace peft
