#include "text/tokenizer_structure.h"

#include <algorithm>
#include <cctype>

#include "base/error.h"
#include "text/gguf_tokenizer.h"

namespace peft {

namespace {

// The text of tokenizer.json without vocabulary, merges and added tokens, which are nearly all of it.
Json structure_of(const Tokenizer& tokenizer) {
  const auto keep = [](int, Json::parse_event_t event, Json& value) {
    if (event != Json::parse_event_t::key) return true;
    return value != "vocab" && value != "merges" && value != "added_tokens";
  };
  Json parsed = Json::parse(tokenizer.to_json(), keep, /*allow_exceptions=*/false);
  check(parsed.is_object(), Code::format, "tokenizer.json: expected an object, found {}", parsed.type_name());
  return parsed;
}

}  // namespace

Json part_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() ? Json() : *found;
}

Plain canonical(const Json& step) {
  if (!step.is_object()) return nullptr;
  Plain result = step;
  const std::string type = result.value("type", "");
  if (type == "Sequence") {
    for (const char* key : {"pretokenizers", "normalizers", "decoders", "processors"}) {
      const auto list = step.find(key);
      if (list == step.end() || !list->is_array()) continue;
      Plain steps = Plain::array();
      for (const Json& inner : *list) steps.push_back(canonical(inner));
      if (steps.size() == 1) return steps[0];
      result[key] = steps;
    }
  }
  result.erase("trim_offsets");
  if (type == "ByteLevel" && !result.contains("use_regex")) result["use_regex"] = true;
  if (type == "Split" && !result.contains("invert")) result["invert"] = false;
  return result;
}

Plain canonical_part(const Json& file, const char* key) { return canonical(part_of(file, key)); }

Json structure_of_fields(const char* model, std::string_view pre, bool space_prefix) {
  GgufTokenizerFields fields;
  fields.model = model;
  fields.pre = pre;
  fields.tokens = {"a"};
  fields.scores = {0};
  fields.add_bos = false;
  fields.add_space_prefix = space_prefix;
  return parse_json(gguf_tokenizer_json(fields, Limits()), "tokenizer.json");
}

bool flag_of(const Json& model, const char* key) {
  const auto found = model.find(key);
  return found != model.end() && found->is_boolean() && found->get<bool>();
}

bool is_byte_level(const Json& file) {
  const Plain decoder = canonical_part(file, "decoder");
  return decoder.is_object() && decoder.value("type", "") == "ByteLevel";
}

std::string pre_tokenizer_name(const Json& file) {
  for (const std::string_view name : byte_pre_tokenizer_names()) {
    const Json known = structure_of_fields("gpt2", name, /*space_prefix=*/false);
    if (canonical_part(known, "pre_tokenizer") == canonical_part(file, "pre_tokenizer") &&
        canonical_part(known, "normalizer") == canonical_part(file, "normalizer") &&
        flag_of(known["model"], "ignore_merges") == flag_of(part_of(file, "model"), "ignore_merges"))
      return std::string(name);
  }
  return {};
}

std::string model_type(const Json& file) {
  const Json model = part_of(file, "model");
  check(model.is_object(), Code::format, "tokenizer.json: model: expected an object, found {}",
        model.type_name());
  return model.value("type", "BPE");
}

TokenizerKind kind_of(const Tokenizer& tokenizer) {
  const Json file = structure_of(tokenizer);
  TokenizerKind kind;
  std::string type = model_type(file);
  std::transform(type.begin(), type.end(), type.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  kind.model = type;
  if (type != "bpe") return kind;
  if (is_byte_level(file)) {
    kind.model = "byte_level_bpe";
    kind.pre_tokenizer = pre_tokenizer_name(file);
  } else if (dump_json(file).find("\u2581") != std::string::npos) {
    kind.model = "sentencepiece";
  }
  return kind;
}

}  // namespace peft
