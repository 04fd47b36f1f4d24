// Adapter folders as Hugging Face PEFT has them: adapter_config.json and adapter_model.safetensors.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/limits.h"
#include "formats/output_tensor.h"
#include "formats/safetensors.h"

namespace peft {

struct AdapterFolder {
  std::string path;
  Json config;  // an object with a string "peft_type"; what the rest means is not judged here
  std::unique_ptr<SafetensorsFile> tensors;  // at least one, none empty, all f32, f16 or bf16
};

bool is_adapter_folder(const std::string& path);  // it has an adapter_config.json

// Throws Code::not_found for a missing file, Code::unsupported for adapter_model.bin (a pickle) and for
// element types other than the three, Code::format for a malformed or empty adapter.
AdapterFolder open_adapter_folder(const std::string& path, const Limits& limits = {});

// Writes the pair (and README.md when given) into `path`, which is made if needed; other files there stay.
// The new files are written apart, made durable, read again and compared with what was asked for; only then
// they replace the old ones. When anything fails the old adapter is as it was. A kill can fall between the
// renames of weights and config only when the config changes; where that matters, save into the staging
// folder of an OutputFolder. One process at a time may save into a folder. Keys are sorted as PEFT sorts
// them. Throws Code::invalid_argument for an adapter without tensors or with empty ones.
void save_adapter_folder(const std::string& path, const Json& config,
                         const std::vector<OutputTensor>& tensors,
                         const std::optional<std::string>& readme = std::nullopt);

// The text of adapter_config.json: keys sorted at every depth, indent 2, ASCII, as Python's json.dumps.
std::string adapter_config_text(const Json& config);

}  // namespace peft
