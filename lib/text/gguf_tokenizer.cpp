#include "text/gguf_tokenizer.h"

#include <algorithm>
#include <numeric>
#include <string_view>
#include <unordered_map>

#include "base/error.h"
#include "base/json.h"

namespace peft {

namespace {

enum TokenType : int32_t { normal = 1, unknown = 2, control = 3, user_defined = 4, unused = 5, byte = 6 };

using Ids = std::unordered_map<std::string_view, int32_t>;

constexpr size_t maximum_piece_bytes = 4096;

// Large parts are written as text: building them as values costs several times the memory.
std::string json_text(std::string_view text) { return dump_json(Json(std::string(text))); }

Ids check_fields(const GgufTokenizerFields& fields, const Limits& limits) {
  const auto count = static_cast<int64_t>(fields.tokens.size());
  check(count > 0, Code::format, "tokenizer.ggml.tokens: expected tokens, found none");
  check(count <= limits.array_elements, Code::limit,
        "tokenizer.ggml.tokens: expected at most {} tokens, found {}", limits.array_elements, count);
  const auto check_size = [&](const char* name, size_t size) {
    check(size == 0 || static_cast<int64_t>(size) == count, Code::format,
          "tokenizer.ggml.{}: expected {} elements, found {}", name, count, size);
  };
  check_size("token_type", fields.token_types.size());
  check_size("scores", fields.scores.size());
  const auto check_id = [&](const char* name, int32_t id) {
    check(id >= -1 && id < count, Code::format, "tokenizer.ggml.{}: expected an id below {}, found {}", name,
          count, id);
  };
  check_id("bos_token_id", fields.bos_id);
  check_id("eos_token_id", fields.eos_id);
  check_id("unknown_token_id", fields.unknown_id);
  check_id("padding_token_id", fields.padding_id);

  Ids ids;
  ids.reserve(fields.tokens.size());
  for (int32_t id = 0; id < count; ++id) {
    const bool fresh = ids.emplace(fields.tokens[static_cast<size_t>(id)], id).second;
    check(fresh, Code::format, "tokenizer.ggml.tokens: '{}' occurs twice",
          fields.tokens[static_cast<size_t>(id)]);
  }
  return ids;
}

int32_t type_of(const GgufTokenizerFields& fields, size_t id) {
  return fields.token_types.empty() ? normal : fields.token_types[id];
}

std::string vocabulary_json(const GgufTokenizerFields& fields) {
  std::string text = "{";
  for (size_t id = 0; id < fields.tokens.size(); ++id)
    text += (id > 0 ? "," : "") + json_text(fields.tokens[id]) + ":" + std::to_string(id);
  return text + "}";
}

std::string added_tokens_json(const GgufTokenizerFields& fields, bool with_unknown) {
  std::string text = "[";
  for (size_t id = 0; id < fields.tokens.size(); ++id) {
    const int32_t type = type_of(fields, id);
    if (type != control && type != user_defined && !(with_unknown && type == unknown)) continue;
    if (fields.tokens[id].empty()) continue;
    const Json token = {{"id", id},
                        {"content", fields.tokens[id]},
                        {"single_word", false},
                        {"lstrip", false},
                        {"rstrip", false},
                        {"normalized", false},
                        {"special", type != user_defined}};
    text += (text.size() > 1 ? "," : "") + dump_json(token);
  }
  return text + "]";
}

Json template_processor(const GgufTokenizerFields& fields, bool add_bos, bool add_eos) {
  Json single = Json::array(), special = Json::object();
  const auto add = [&](int32_t id) {
    const std::string& token = fields.tokens[static_cast<size_t>(id)];
    single.push_back({{"SpecialToken", {{"id", token}, {"type_id", 0}}}});
    special[token] = {{"id", token}, {"ids", {id}}, {"tokens", {token}}};
  };
  if (add_bos) add(fields.bos_id);
  single.push_back({{"Sequence", {{"id", "A"}, {"type_id", 0}}}});
  if (add_eos) add(fields.eos_id);
  Json pair = single;
  pair.push_back({{"Sequence", {{"id", "B"}, {"type_id", 1}}}});
  return {{"type", "TemplateProcessing"}, {"single", single}, {"pair", pair}, {"special_tokens", special}};
}

// What puts bos and eos around a text; null when nothing does.
Json post_processor(const GgufTokenizerFields& fields, bool add_bos_by_default) {
  const bool add_bos = fields.add_bos.value_or(add_bos_by_default) && fields.bos_id >= 0;
  const bool add_eos = fields.add_eos.value_or(false) && fields.eos_id >= 0;
  return add_bos || add_eos ? template_processor(fields, add_bos, add_eos) : Json(nullptr);
}

// The pre-tokenizers that `tokenizer.ggml.pre` names.
struct BytePreTokenizer {
  std::string_view names;                // separated by spaces
  bool digits_alone;                     // every digit is split off first
  const char* pattern;                   // null: GPT-2's, which the byte-level step has built in
  bool ignore_merges, add_bos, compose;  // compose: Unicode NFC comes first
};

constexpr BytePreTokenizer byte_pre_tokenizers[] = {
    {"gpt-2 phi-2 default", false, nullptr, false, false, false},
    {"smollm starcoder", true, nullptr, false, false, false},
    {"olmo", false, nullptr, false, false, true},
    {"llama-bpe llama3 llama-v3", false,
     R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3})"
     R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
     true, true, false},
    {"qwen2", false,
     R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N})"
     R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
     false, false, true},
    {"tekken", false,
     R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+)"
     R"(|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*)"
     R"(|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
     true, true, false},
};

const BytePreTokenizer& byte_pre_tokenizer(const std::string& name) {
  const std::string wanted = " " + (name.empty() ? "default" : name) + " ";
  for (const BytePreTokenizer& row : byte_pre_tokenizers)
    if ((" " + std::string(row.names) + " ").find(wanted) != std::string::npos) return row;
  fail(Code::unsupported, "tokenizer.ggml.pre: '{}' is not supported", name);
}

Json byte_level(bool use_regex) {
  return {
      {"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", use_regex}};
}

Json pre_tokenizer_json(const BytePreTokenizer& row, bool add_space_prefix) {
  Json first;
  if (row.digits_alone) first = {{"type", "Digits"}, {"individual_digits", true}};
  if (row.pattern)
    first = {{"type", "Split"},
             {"pattern", {{"Regex", row.pattern}}},
             {"behavior", "Isolated"},
             {"invert", false}};
  Json last = byte_level(/*use_regex=*/row.pattern == nullptr);
  last["add_prefix_space"] = add_space_prefix;
  if (first.is_null()) return last;
  return {{"type", "Sequence"}, {"pretokenizers", Json::array({first, last})}};
}

std::string assemble(const std::string& added, const Json& normalizer, const Json& pre_tokenizer,
                     const Json& post, const Json& decoder, const std::string& model) {
  return R"({"version":"1.0","truncation":null,"padding":null,"added_tokens":)" + added +
         R"(,"normalizer":)" + dump_json(normalizer) + R"(,"pre_tokenizer":)" + dump_json(pre_tokenizer) +
         R"(,"post_processor":)" + dump_json(post) + R"(,"decoder":)" + dump_json(decoder) + R"(,"model":)" +
         model + "}";
}

std::string byte_level_json(const GgufTokenizerFields& fields) {
  const BytePreTokenizer& row = byte_pre_tokenizer(fields.pre);
  std::string merges = "[";
  for (size_t i = 0; i < fields.merges.size(); ++i) {
    const std::string_view merge = fields.merges[i];
    const size_t space = merge.find(' ', 1);
    check(space != std::string_view::npos && space + 1 < merge.size(), Code::format,
          "tokenizer.ggml.merges[{}]: expected two pieces separated by a space, found '{}'", i, merge);
    merges += (i > 0 ? ",[" : "[") + json_text(merge.substr(0, space)) + "," +
              json_text(merge.substr(space + 1)) + "]";
  }
  const std::string model =
      std::string(R"({"type":"BPE","dropout":null,"unk_token":null,)") +
      R"("continuing_subword_prefix":null,"end_of_word_suffix":null,"fuse_unk":false,)" +
      R"("byte_fallback":false,"ignore_merges":)" + (row.ignore_merges ? "true" : "false") + R"(,"vocab":)" +
      vocabulary_json(fields) + R"(,"merges":)" + merges + "]}";
  Json post = post_processor(fields, row.add_bos);
  if (post.is_null()) post = byte_level(true);
  return assemble(
      added_tokens_json(fields, /*with_unknown=*/false), row.compose ? Json{{"type", "NFC"}} : Json(nullptr),
      pre_tokenizer_json(row, fields.add_space_prefix.value_or(false)), post, byte_level(true), model);
}

// Bytes of the UTF-8 character that begins with `first`.
size_t character_bytes(char first) {
  const auto lead = static_cast<unsigned char>(first);
  return lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

// SentencePiece merges the neighbours whose union scores best; as a list that is: every way to cut a piece in
// two known pieces, best score first, then longest left part (the order of Transformers' converter).
std::string score_merges_json(const GgufTokenizerFields& fields, const Ids& ids) {
  struct Merge {
    int32_t left, right;
    float score;
    uint32_t left_length, right_length;  // characters
  };
  std::vector<Merge> merges;
  for (size_t id = 0; id < fields.tokens.size(); ++id) {
    const std::string_view piece = fields.tokens[id];
    if (type_of(fields, id) != normal) continue;
    check(piece.size() <= maximum_piece_bytes, Code::limit,
          "tokenizer.ggml.tokens[{}]: expected at most {} bytes, found {}", id, maximum_piece_bytes,
          piece.size());
    std::vector<size_t> cuts;
    for (size_t at = 0; at < piece.size(); at += character_bytes(piece[at])) cuts.push_back(at);
    const size_t begin = merges.size();
    for (size_t i = 1; i < cuts.size(); ++i) {
      const auto left = ids.find(piece.substr(0, cuts[i])), right = ids.find(piece.substr(cuts[i]));
      if (left == ids.end() || right == ids.end()) continue;
      merges.push_back({left->second, right->second, fields.scores[id], static_cast<uint32_t>(i),
                        static_cast<uint32_t>(cuts.size() - i)});
    }
    std::sort(merges.begin() + static_cast<std::ptrdiff_t>(begin), merges.end(),
              [](const Merge& a, const Merge& b) {
                return std::pair(a.left, a.right) < std::pair(b.left, b.right);
              });
  }
  std::stable_sort(merges.begin(), merges.end(), [](const Merge& a, const Merge& b) {
    if (a.score != b.score) return a.score > b.score;
    return std::pair(a.left_length, a.right_length) > std::pair(b.left_length, b.right_length);
  });
  std::string text = "[";
  for (const Merge& merge : merges)
    text += (text.size() > 1 ? ",[" : "[") + json_text(fields.tokens[static_cast<size_t>(merge.left)]) + "," +
            json_text(fields.tokens[static_cast<size_t>(merge.right)]) + "]";
  return text + "]";
}

std::string sentence_piece_json(const GgufTokenizerFields& fields, const Ids& ids) {
  check(!fields.scores.empty(), Code::format, "tokenizer.ggml.scores: expected an array, found none");
  for (size_t id = 0; id < fields.scores.size(); ++id)
    check(fields.scores[id] == fields.scores[id], Code::format, "tokenizer.ggml.scores[{}] is not a number",
          id);
  // Gemma's files give scores that are not the order of its merges, and spell runs of spaces with spaces.
  check(!ids.contains("<start_of_turn>"), Code::unsupported,
        "tokenizer.ggml.model: Gemma's vocabulary is not supported from GGUF, only from tokenizer.json");
  const bool has_bytes = ids.contains("<0x00>") && ids.contains("<0xFF>");
  const std::string unknown_token =
      fields.unknown_id >= 0 ? json_text(fields.tokens[static_cast<size_t>(fields.unknown_id)]) : "null";
  const std::string model =
      R"({"type":"BPE","dropout":null,"unk_token":)" + unknown_token +
      R"(,"continuing_subword_prefix":null,"end_of_word_suffix":null,"fuse_unk":true,)" +
      R"("byte_fallback":)" + (has_bytes ? "true" : "false") + R"(,"ignore_merges":false,"vocab":)" +
      vocabulary_json(fields) + R"(,"merges":)" + score_merges_json(fields, ids) + "}";
  const bool space_prefix = fields.add_space_prefix.value_or(true);
  Json normalizers = Json::array();
  if (space_prefix) normalizers.push_back({{"type", "Prepend"}, {"prepend", "\u2581"}});
  normalizers.push_back({{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", "\u2581"}});
  Json decoders = Json::array();
  decoders.push_back({{"type", "Replace"}, {"pattern", {{"String", "\u2581"}}}, {"content", " "}});
  decoders.push_back({{"type", "ByteFallback"}});
  decoders.push_back({{"type", "Fuse"}});
  if (space_prefix) decoders.push_back({{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});
  return assemble(added_tokens_json(fields, /*with_unknown=*/true),
                  {{"type", "Sequence"}, {"normalizers", normalizers}}, nullptr, post_processor(fields, true),
                  {{"type", "Sequence"}, {"decoders", decoders}}, model);
}

}  // namespace

std::vector<std::string_view> byte_pre_tokenizer_names() {
  std::vector<std::string_view> names;
  for (const BytePreTokenizer& row : byte_pre_tokenizers)
    names.push_back(row.names.substr(0, row.names.find(' ')));
  return names;
}

std::string gguf_tokenizer_json(const GgufTokenizerFields& fields, const Limits& limits) {
  const Ids ids = check_fields(fields, limits);
  if (fields.model == "gpt2") return byte_level_json(fields);
  if (fields.model == "llama") return sentence_piece_json(fields, ids);
  fail(Code::unsupported, "tokenizer.ggml.model: expected 'gpt2' or 'llama', found '{}'", fields.model);
}

std::string gguf_tokenizer_config(const GgufTokenizerFields& fields) {
  Json config = {{"tokenizer_class", "PreTrainedTokenizerFast"}, {"clean_up_tokenization_spaces", false}};
  const auto add = [&](const char* key, int32_t id) {
    if (id >= 0) config[key] = fields.tokens[static_cast<size_t>(id)];
  };
  add("bos_token", fields.bos_id);
  add("eos_token", fields.eos_id);
  add("unk_token", fields.unknown_id);
  add("pad_token", fields.padding_id);
  if (fields.add_bos) config["add_bos_token"] = *fields.add_bos;
  if (fields.add_eos) config["add_eos_token"] = *fields.add_eos;
  if (!fields.chat_template.empty()) config["chat_template"] = fields.chat_template;
  return dump_json(config, 2);
}

}  // namespace peft
