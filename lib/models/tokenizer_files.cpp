#include "models/tokenizer_files.h"

#include <algorithm>

#include "base/error.h"
#include "text/gguf_export.h"

namespace peft {
namespace {

// eos_token_id of a config: one number or a list. Out-of-range ids are an error, for generation would never end.
void take_end_tokens(const JsonFields& config, int64_t vocabulary, std::vector<int32_t>& ends) {
  const Json* value = config.find("eos_token_id");
  if (!value) return;
  const Json list = value->is_array() ? *value : Json::array({*value});
  for (const Json& id : list) {
    check(id.is_number_integer() && id.get<int64_t>() >= 0 && id.get<int64_t>() < vocabulary, Code::format,
          "{}: eos_token_id: expected ids below {}, found {}", config.what(), vocabulary, dump_json(id));
    ends.push_back(id.get<int32_t>());
  }
}

void finish(ModelText& text, int64_t vocabulary, const std::string& what) {
  if (text.tokenizer) {
    check(text.tokenizer->maximum_id() < vocabulary, Code::mismatch,
          "{}: token id {} is beyond the model's vocabulary of {}", what, text.tokenizer->maximum_id(), vocabulary);
    const std::vector<int32_t>& ends = text.tokenizer->end_of_turn_ids();
    text.end_tokens.insert(text.end_tokens.end(), ends.begin(), ends.end());
    if (text.chat_template.empty()) text.chat_template = text.tokenizer->chat_template();
  }
  std::sort(text.end_tokens.begin(), text.end_tokens.end());
  text.end_tokens.erase(std::unique(text.end_tokens.begin(), text.end_tokens.end()), text.end_tokens.end());
}

}  // namespace

ModelText text_of_folder(const Folder& folder, const Json& config, int64_t vocabulary, const Limits& limits) {
  ModelText text;
  take_end_tokens(JsonFields(config, join_path(folder.path(), "config.json")), vocabulary, text.end_tokens);
  if (folder.contains("generation_config.json")) {
    const std::string what = join_path(folder.path(), "generation_config.json");
    const Json generation = parse_json(folder.read_text("generation_config.json", limits.json_bytes), what, limits);
    take_end_tokens(JsonFields(generation, what), vocabulary, text.end_tokens);
  }
  if (folder.contains("chat_template.jinja"))
    text.chat_template = folder.read_text("chat_template.jinja", limits.string_bytes);
  const std::string what = join_path(folder.path(), "tokenizer.json");
  if (folder.contains("tokenizer.json")) {
    const std::string json = folder.read_text("tokenizer.json", limits.json_bytes);
    const std::string settings =
        folder.contains("tokenizer_config.json") ? folder.read_text("tokenizer_config.json", limits.json_bytes) : "";
    text.tokenizer = with_context(what, [&] { return Tokenizer::from_json(json, settings, limits); });
  }
  finish(text, vocabulary, what);
  return text;
}

ModelText text_of_gguf(const GgufMetadata& metadata, int64_t vocabulary, const Limits& limits) {
  ModelText text;
  if (!metadata.has("tokenizer.ggml.model") || !metadata.has("tokenizer.ggml.tokens")) return text;
  GgufTokenizerFields fields;
  fields.model = metadata.string("tokenizer.ggml.model");
  if (fields.model == "none" || fields.model == "no_vocab") return text;
  fields.pre = metadata.string_or("tokenizer.ggml.pre", "");
  fields.tokens = metadata.strings("tokenizer.ggml.tokens");
  if (metadata.has("tokenizer.ggml.token_type"))
    for (const int64_t type : metadata.integers("tokenizer.ggml.token_type"))
      fields.token_types.push_back(static_cast<int32_t>(type));
  if (metadata.has("tokenizer.ggml.scores")) fields.scores = metadata.floats("tokenizer.ggml.scores");
  if (metadata.has("tokenizer.ggml.merges")) fields.merges = metadata.strings("tokenizer.ggml.merges");
  const auto id = [&](const char* key) {
    return static_cast<int32_t>(metadata.integer_or(key, -1, -1, vocabulary - 1));
  };
  fields.bos_id = id("tokenizer.ggml.bos_token_id");
  fields.eos_id = id("tokenizer.ggml.eos_token_id");
  fields.unknown_id = id("tokenizer.ggml.unknown_token_id");
  fields.padding_id = id("tokenizer.ggml.padding_token_id");
  const auto flag = [&](const char* key) {
    return metadata.has(key) ? std::optional<bool>(metadata.boolean_or(key, false)) : std::nullopt;
  };
  fields.add_bos = flag("tokenizer.ggml.add_bos_token");
  fields.add_eos = flag("tokenizer.ggml.add_eos_token");
  fields.add_space_prefix = flag("tokenizer.ggml.add_space_prefix");
  fields.chat_template = metadata.string_or("tokenizer.chat_template", "");
  text.tokenizer = Tokenizer::from_gguf(fields, limits);
  text.chat_template = fields.chat_template;
  if (fields.eos_id >= 0) text.end_tokens.push_back(fields.eos_id);
  finish(text, vocabulary, "tokenizer.ggml.tokens");
  return text;
}

void text_to_gguf(const Tokenizer& tokenizer, const std::string& chat_template, int64_t vocabulary, GgufMetadata& metadata) {
  GgufTokenizerFields fields = gguf_fields_of(tokenizer, vocabulary);
  metadata.set("tokenizer.ggml.model", GgufValue::of_string(fields.model));
  // llama.cpp looks for a name with every model; "default" is what its converter writes for SentencePiece.
  metadata.set("tokenizer.ggml.pre", GgufValue::of_string(fields.pre.empty() ? "default" : fields.pre));
  metadata.set("tokenizer.ggml.tokens", GgufValue::of_strings(std::move(fields.tokens)));
  metadata.set("tokenizer.ggml.token_type", GgufValue::of_i32s(fields.token_types));
  if (!fields.scores.empty()) metadata.set("tokenizer.ggml.scores", GgufValue::of_floats(fields.scores));
  if (!fields.merges.empty()) metadata.set("tokenizer.ggml.merges", GgufValue::of_strings(std::move(fields.merges)));
  const std::pair<const char*, int32_t> ids[] = {{"tokenizer.ggml.bos_token_id", fields.bos_id},
                                                 {"tokenizer.ggml.eos_token_id", fields.eos_id},
                                                 {"tokenizer.ggml.unknown_token_id", fields.unknown_id},
                                                 {"tokenizer.ggml.padding_token_id", fields.padding_id}};
  for (const auto& [key, id] : ids)
    if (id >= 0) metadata.set(key, GgufValue::of_u32(static_cast<uint32_t>(id)));
  metadata.set("tokenizer.ggml.add_bos_token", GgufValue::of_boolean(fields.add_bos.value_or(false)));
  metadata.set("tokenizer.ggml.add_eos_token", GgufValue::of_boolean(fields.add_eos.value_or(false)));
  if (fields.add_space_prefix)
    metadata.set("tokenizer.ggml.add_space_prefix", GgufValue::of_boolean(*fields.add_space_prefix));
  if (!chat_template.empty()) metadata.set("tokenizer.chat_template", GgufValue::of_string(chat_template));
}

}  // namespace peft
