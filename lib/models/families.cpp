// One row per family.
#include "models/family.h"

#include <array>

#include "base/error.h"
#include "models/families/families.h"

namespace peft {

std::span<const Family* const> families() {
  static constexpr std::array<const Family*, 5> rows = {&llama_family, &mistral_family, &qwen2_family, &qwen3_family,
                                                        &gpt2_family};
  return rows;
}

namespace {

std::string known(bool gguf) {
  std::string list;
  for (const Family* family : families()) {
    const std::string_view name = gguf ? family->gguf_architecture : family->name;
    if (list.find(name) == std::string::npos) list += (list.empty() ? "" : ", ") + std::string(name);
  }
  return list;
}

}  // namespace

const Family& family_of_config(const JsonFields& config) {
  const std::string type = config.string("model_type");
  for (const Family* family : families())
    if (family->name == type) return *family;
  fail(Code::unsupported, "{}: model_type '{}' is not among the supported families ({})", config.what(), type, known(false));
}

const Family& family_of_gguf(const GgufMetadata& metadata) {
  const std::string& type = metadata.string("general.architecture");
  for (const Family* family : families())
    if (family->gguf_architecture == type) return *family;
  fail(Code::unsupported, "general.architecture '{}' is not among the supported families ({})", type, known(true));
}

ResolvedName resolve_name(const Family& family, std::string_view ours) {
  std::string pattern(ours), layer;
  if (pattern.starts_with("blocks.")) {
    const size_t end = pattern.find('.', 7);
    layer = pattern.substr(7, end - 7);
    pattern = "blocks.{}" + pattern.substr(end);
  }
  const auto fill = [&](std::string_view name) {
    std::string result(name);
    if (const size_t at = result.find("{}"); at != std::string::npos) result.replace(at, 2, layer);
    return result;
  };
  for (const NameRow& row : family.names)
    if (row.ours == pattern) return {fill(row.hugging_face), fill(row.gguf), row.transform};
  fail(Code::internal, "family '{}' has no name for '{}'", family.name, ours);
}

}  // namespace peft
