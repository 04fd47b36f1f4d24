// Descriptions of models and adapters: info structures and JSON.
#pragma once

#include <optional>
#include <string>

#include "base/json.h"
#include "capi/objects.h"
#include "peft/model.h"

namespace peft::capi {

peft_model_info model_info_of(ModelObject& object);
peft_parameter_info parameter_info_of(const Shape& shape, DType dtype, bool trainable);
peft_module_info module_info_of(const Module& module, const Layout& layout);
Json describe_model(ModelObject& object);
// Checks a model folder, GGUF file or adapter folder without building a model.
Json inspect_path(ContextObject& context, const std::string& path, const CancelToken* cancel);
std::string head_path(const Model& model);
// The type of a save; none: as held. Code::invalid_argument / unsupported.
std::optional<DType> save_dtype_of(peft_dtype dtype, bool gguf);

}  // namespace peft::capi
