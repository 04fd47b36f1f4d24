// A model family as data: how its config becomes a ModelSpec and what its tensors are called.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/json.h"
#include "formats/gguf_metadata.h"
#include "nn/spec.h"

namespace peft {

// What a GGUF converter did to a tensor that we undo on the way in and do again on the way out.
enum class GgufTransform : uint8_t {
  none,
  rotate_query,  // rows of each head interleaved for adjacent-pair rope; ours pairs halves
  rotate_key,
};

// Names without ".weight" / ".bias"; "{}" stands for the layer.
struct NameRow {
  std::string_view ours;
  std::string_view hugging_face;
  std::string_view gguf;
  GgufTransform transform = GgufTransform::none;
};

struct Family {
  std::string_view name;          // Transformers' model_type
  std::string_view architecture;  // Transformers' class, for config.json
  std::string_view gguf_architecture;
  std::string_view base_prefix;  // what checkpoints of the bare model leave out: "model."
  // Reads config.json strictly: fields that change the computation and that we do not have are Code::unsupported.
  ModelSpec (*spec)(const JsonFields& config);
  // GGUF metadata to the config.json that Transformers would have, and back.
  Json (*config_from_gguf)(const GgufMetadata& metadata);
  void (*config_to_gguf)(const ModelSpec& spec, GgufMetadata& metadata);
  std::span<const NameRow> names;
};

std::span<const Family* const> families();
// By model_type / GGUF architecture; Code::unsupported lists the known ones. `what` names the file.
const Family& family_of_config(const JsonFields& config);
const Family& family_of_gguf(const GgufMetadata& metadata);

// "blocks.3.attention.query" -> the row and its names with the layer filled in. Throws Code::internal for unknown names.
struct ResolvedName {
  std::string hugging_face, gguf;
  GgufTransform transform;
};
ResolvedName resolve_name(const Family& family, std::string_view ours);

}  // namespace peft
