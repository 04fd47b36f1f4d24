// Where the texts' test data lies, and small tokenizers that tests write themselves.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "base/file.h"
#include "base/json.h"
#include "formats/gguf.h"
#include "support/paths.h"
#include "support/smollm2.h"
#include "text/tokenizer.h"

namespace peft::test {

// The path of a file of the shared data, or empty.
inline std::string shared_file(const std::string& name) {
  const char* given = std::getenv("PEFT_SHARED_DATA");
  const std::string path =
      join_path(given ? std::string(given) : std::string(::peft::test::source_folder()) + "/../shared/data", name);
  return path_exists(path) ? path : std::string();
}

inline Json golden(const std::string& name) {
  const std::string path = std::string(::peft::test::source_folder()) + "/tests/text/golden/" + name + ".json";
  return parse_json(read_text_file(path, 16 << 20), path);
}

inline GgufTokenizerFields gguf_fields(const std::string& path) {
  const auto file = GgufFile::open(path);
  const GgufMetadata& metadata = file->metadata();
  const auto id = [&](const std::string& key) {
    return static_cast<int32_t>(metadata.integer_or("tokenizer.ggml." + key, -1, -1, 1 << 30));
  };
  const auto flag = [&](const std::string& key) -> std::optional<bool> {
    if (!metadata.has("tokenizer.ggml." + key)) return std::nullopt;
    return metadata.boolean_or("tokenizer.ggml." + key, false);
  };
  GgufTokenizerFields fields;
  fields.model = metadata.string("tokenizer.ggml.model");
  fields.pre = metadata.string_or("tokenizer.ggml.pre", "");
  fields.tokens = metadata.strings("tokenizer.ggml.tokens");
  for (const int64_t type : metadata.integers("tokenizer.ggml.token_type"))
    fields.token_types.push_back(static_cast<int32_t>(type));
  if (metadata.has("tokenizer.ggml.merges")) fields.merges = metadata.strings("tokenizer.ggml.merges");
  if (metadata.has("tokenizer.ggml.scores")) fields.scores = metadata.floats("tokenizer.ggml.scores");
  fields.bos_id = id("bos_token_id");
  fields.eos_id = id("eos_token_id");
  fields.unknown_id = id("unknown_token_id");
  fields.padding_id = id("padding_token_id");
  fields.add_bos = flag("add_bos_token");
  fields.add_eos = flag("add_eos_token");
  fields.add_space_prefix = flag("add_space_prefix");
  fields.chat_template = metadata.string_or("tokenizer.chat_template", "");
  return fields;
}

// Byte-level BPE over the 256 bytes, two merges, with special tokens: ids 0-255 bytes, 256 "he", 257 "ll".
inline Json byte_tokenizer() {
  Json vocabulary = Json::object();
  int next = 256;
  for (int byte = 0; byte < 256; ++byte) {
    const bool printed = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    const int code = printed ? byte : next++;
    std::string text;
    if (code < 0x80) {
      text = static_cast<char>(code);
    } else {
      text = {static_cast<char>(0xC0 | (code >> 6)), static_cast<char>(0x80 | (code & 63))};
    }
    vocabulary[text] = byte;
  }
  vocabulary["he"] = 256;
  vocabulary["ll"] = 257;
  const auto special = [](int id, const char* content, bool is_special) {
    return Json{{"id", id},        {"content", content},  {"single_word", false}, {"lstrip", false},
                {"rstrip", false}, {"normalized", false}, {"special", is_special}};
  };
  return {{"version", "1.0"},
          {"truncation", nullptr},
          {"padding", nullptr},
          {"added_tokens",
           {special(258, "<s>", true), special(259, "<|im_end|>", true), special(260, "<tool>", false)}},
          {"normalizer", nullptr},
          {"pre_tokenizer",
           {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", true}}},
          {"post_processor",
           {{"type", "TemplateProcessing"},
            {"single",
             {{{"SpecialToken", {{"id", "<s>"}, {"type_id", 0}}}},
              {{"Sequence", {{"id", "A"}, {"type_id", 0}}}}}},
            {"pair",
             {{{"Sequence", {{"id", "A"}, {"type_id", 0}}}}, {{"Sequence", {{"id", "B"}, {"type_id", 1}}}}}},
            {"special_tokens", {{"<s>", {{"id", "<s>"}, {"ids", {258}}, {"tokens", {"<s>"}}}}}}}},
          {"decoder", {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}}},
          {"model",
           {{"type", "BPE"},
            {"dropout", nullptr},
            {"unk_token", nullptr},
            {"continuing_subword_prefix", nullptr},
            {"end_of_word_suffix", nullptr},
            {"fuse_unk", false},
            {"byte_fallback", false},
            {"ignore_merges", false},
            {"vocab", vocabulary},
            {"merges", {"h e", "l l"}}}}};
}

inline std::shared_ptr<const Tokenizer> load(const Json& tokenizer, const std::string& config = {}) {
  return Tokenizer::from_json(dump_json(tokenizer), config);
}

}  // namespace peft::test
