#include "text/gguf_export.h"

#include <fmt/core.h>

#include <algorithm>
#include <cctype>
#include <set>
#include <unordered_map>

#include "base/error.h"
#include "base/json.h"
#include "text/gguf_tokenizer.h"
#include "text/tokenizer_structure.h"

namespace peft {

namespace {

std::string short_text(const Json& value) {
  std::string text = dump_json(value);
  if (text.size() > 200) text = text.substr(0, 200) + "...";
  return text;
}

[[noreturn]] void refuse(const char* part, const Json& found) {
  fail(Code::unsupported,
       "the tokenizer cannot be written into a GGUF file: GGUF has no place for its {}: {}", part,
       short_text(found));
}

void check_part(const Json& file, const Json& known, const char* part) {
  if (canonical_part(file, part) != canonical_part(known, part)) refuse(part, part_of(file, part));
}

// Vocabulary by id, with the types that GGUF gives its tokens.
class Vocabulary {
 public:
  Vocabulary(const Json& file, GgufTokenizerFields& fields, int64_t vocabulary) : fields_(fields) {
    const Json& words = file["model"]["vocab"];
    check(words.is_object(), Code::format, "tokenizer.json: model.vocab: expected an object, found {}",
          words.type_name());
    size_ = vocabulary;
    for (const auto& [token, id] : words.items()) put(token, id, 1);
    if (const Json added = part_of(file, "added_tokens"); added.is_array())
      take_added(added, part_of(file, "normalizer"));
    std::set<std::string_view> all(fields_.tokens.begin(), fields_.tokens.end());
    for (size_t id = 0; id < fields_.tokens.size(); ++id) {
      if (fields_.token_types[id] != 0) continue;
      fields_.tokens[id] = fmt::format("[PAD{}]", id);
      fields_.token_types[id] = 5;
      check(!all.contains(fields_.tokens[id]), Code::unsupported,
            "the tokenizer cannot be written into a GGUF file: id {} has no token and '{}' is one already",
            id, fields_.tokens[id]);
    }
  }

 private:
  void put(const std::string& token, const Json& id, int32_t type) {
    check(id.is_number_integer() && id.get<int64_t>() >= 0 && id.get<int64_t>() < size_, Code::mismatch,
          "tokenizer.json: '{}' has the id {}, the model's vocabulary is {}", token, dump_json(id), size_);
    const auto at = id.get<size_t>();
    if (fields_.tokens.empty()) {
      fields_.tokens.resize(static_cast<size_t>(size_));
      fields_.token_types.resize(static_cast<size_t>(size_));
    }
    check(fields_.token_types[at] == 0 || fields_.tokens[at] == token, Code::format,
          "tokenizer.json: '{}' and '{}' have the same id {}", token, fields_.tokens[at], at);
    fields_.tokens[at] = token;
    fields_.token_types[at] = type;
  }

  void take_added(const Json& added, const Json& normalizer) {
    const Plain steps = canonical(normalizer);
    const bool only_composes = steps.is_object() && steps.value("type", "") == "NFC";
    std::vector<std::string> normalized, raw;  // looked for after and before normalizing
    for (const Json& token : added) {
      const JsonFields entry(token, "tokenizer.json: added_tokens");
      const std::string content = entry.string("content");
      for (const char* key : {"single_word", "lstrip", "rstrip"})
        if (entry.boolean_or(key, false)) refuse("added token", token);
      const bool special = entry.boolean_or("special", false);
      const bool after = entry.boolean_or("normalized", !special) && !normalizer.is_null();
      if (after && !(only_composes && survives_normalizing(content)))
        refuse("added token, which is normalized", token);
      (after ? normalized : raw).push_back(content);
      put(content, *entry.find("id"), special ? 3 : 4);
    }
    // GGUF has one search for all of them: the same where no two can lie across one another.
    for (const std::string& a : normalized)
      for (const std::string& b : raw)
        if (overlap(a, b) || overlap(b, a))
          refuse("added tokens, of which one is normalized", Json::array({a, b}));
  }

  // Whether b lies in a, or begins where a ends.
  static bool overlap(std::string_view a, std::string_view b) {
    if (a.find(b) != std::string_view::npos) return true;
    for (size_t count = 1; count < std::min(a.size(), b.size()); ++count)
      if (a.ends_with(b.substr(0, count))) return true;
    return false;
  }

  // NFC changes no ASCII characters, joins what follows only to letters and < = >, and makes only ; ` K of
  // others.
  static bool survives_normalizing(const std::string& text) {
    const bool ascii =
        std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 128; });
    const char last = text.empty() ? 'a' : text.back();
    return ascii && text.find_first_of(";`K") == std::string::npos &&
           !std::isalpha(static_cast<unsigned char>(last)) && last != '<' && last != '=' && last != '>';
  }

  GgufTokenizerFields& fields_;
  int64_t size_ = 0;
};

std::vector<std::pair<std::string, std::string>> merges_of(const Json& model) {
  const Json& list = model["merges"];
  check(list.is_array(), Code::format, "tokenizer.json: model.merges: expected an array, found {}",
        list.type_name());
  std::vector<std::pair<std::string, std::string>> merges;
  merges.reserve(list.size());
  for (const Json& merge : list) {
    if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
      merges.emplace_back(merge[0].get<std::string>(), merge[1].get<std::string>());
    } else {
      check(merge.is_string(), Code::format, "tokenizer.json: model.merges: expected pairs, found {}",
            short_text(merge));
      const std::string text = merge.get<std::string>();
      const size_t space = text.find(' ');
      check(space != std::string::npos, Code::format,
            "tokenizer.json: model.merges: expected pairs, found '{}'", text);
      merges.emplace_back(text.substr(0, space), text.substr(space + 1));
    }
  }
  return merges;
}

// bos and eos around a text, from the template; other templates have no place.
void take_template(const Json& file, GgufTokenizerFields& fields) {
  fields.add_bos = fields.add_eos = false;
  const Json whole = part_of(file, "post_processor");
  Json steps = Json::array({whole});
  if (whole.is_object() && whole.value("type", "") == "Sequence") steps = part_of(whole, "processors");
  for (const Json& step : steps) {
    const std::string type = step.is_object() ? step.value("type", "") : "";
    if (step.is_null() || type == "ByteLevel") continue;
    if (type != "TemplateProcessing") refuse("post_processor", step);
    bool before = true;
    for (const Json& piece : part_of(step, "single")) {
      if (piece.contains("Sequence")) {
        if (!before || piece["Sequence"].value("id", "") != "A") refuse("post_processor", step);
        before = false;
        continue;
      }
      std::optional<bool>& adds = before ? fields.add_bos : fields.add_eos;
      int32_t& known = before ? fields.bos_id : fields.eos_id;
      const std::string name = piece.contains("SpecialToken") ? piece["SpecialToken"].value("id", "") : "";
      const Json tokens = part_of(step, "special_tokens");
      const auto entry = tokens.find(name);
      if (entry == tokens.end() || *adds) refuse("post_processor", step);
      const Json ids = part_of(*entry, "ids");
      if (!ids.is_array() || ids.size() != 1 || !ids[0].is_number_integer()) refuse("post_processor", step);
      const auto id = ids[0].get<int64_t>();
      if (id < 0 || id >= static_cast<int64_t>(fields.tokens.size()) || (known >= 0 && known != id))
        refuse("post_processor", step);
      known = static_cast<int32_t>(id);
      adds = true;
    }
    if (before) refuse("post_processor", step);
  }
}

void take_byte_level(const Json& file, GgufTokenizerFields& fields) {
  const Json& model = file["model"];
  fields.model = "gpt2";
  fields.add_space_prefix = false;
  fields.pre = pre_tokenizer_name(file);
  if (fields.pre.empty())
    refuse("pre_tokenizer, normalizer and ignore_merges", part_of(file, "pre_tokenizer"));
  if (flag_of(model, "byte_fallback")) refuse("model.byte_fallback", true);
  if (const Json unknown = part_of(model, "unk_token"); !unknown.is_null())
    refuse("model.unk_token", unknown);
  for (const auto& [left, right] : merges_of(model)) {
    if ((left + right).find(' ') != std::string::npos) refuse("merge", left + " " + right);
    fields.merges.push_back(left + " " + right);
  }
}

// Scores that put the merges in the order of the file; that they do so is checked.
void take_sentence_piece(const Json& file, GgufTokenizerFields& fields, const Limits& limits) {
  const Json& model = file["model"];
  fields.model = "llama";
  for (const bool prefix : {true, false}) {
    const Json known = structure_of_fields("llama", "", prefix);
    if (canonical_part(known, "normalizer") == canonical_part(file, "normalizer"))
      fields.add_space_prefix = prefix;
  }
  if (!fields.add_space_prefix) refuse("normalizer", part_of(file, "normalizer"));
  const Json known = structure_of_fields("llama", "", *fields.add_space_prefix);
  check_part(file, known, "pre_tokenizer");
  check_part(file, known, "decoder");
  if (!flag_of(model, "fuse_unk")) refuse("model.fuse_unk", false);
  if (flag_of(model, "ignore_merges")) refuse("model.ignore_merges", true);

  std::unordered_map<std::string_view, size_t> ids;
  for (size_t id = 0; id < fields.tokens.size(); ++id) ids.emplace(fields.tokens[id], id);
  const Json unknown = part_of(model, "unk_token");
  fields.unknown_id = -1;
  if (unknown.is_string()) {
    const auto found = ids.find(unknown.get_ref<const std::string&>());
    check(found != ids.end(), Code::format, "tokenizer.json: model.unk_token is not in the vocabulary");
    fields.unknown_id = static_cast<int32_t>(found->second);
    fields.token_types[found->second] = 2;
  }
  for (int32_t byte = 0; byte < 256; ++byte)
    if (const auto found = ids.find(fmt::format("<0x{:02X}>", byte));
        found != ids.end() && fields.token_types[found->second] == 1)
      fields.token_types[found->second] = 6;

  const auto merges = merges_of(model);
  // The merges of one piece lie together; where those of several lie among each other, their scores are
  // equal.
  std::vector<size_t> pieces(merges.size()), last(fields.tokens.size());
  for (size_t i = 0; i < merges.size(); ++i) {
    const auto found = ids.find(merges[i].first + merges[i].second);
    if (found == ids.end()) refuse("merge into no token", Json::array({merges[i].first, merges[i].second}));
    pieces[i] = found->second;
    last[pieces[i]] = i;
  }
  fields.scores.assign(fields.tokens.size(), -static_cast<float>(merges.size()) - 1);
  for (size_t i = 0, begin = 0, end = 0; i < merges.size(); ++i) {
    if (i > end) begin = i;
    end = std::max(end, last[pieces[i]]);
    fields.scores[pieces[i]] = -static_cast<float>(begin);
  }
  const Json again = parse_json(gguf_tokenizer_json(fields, limits), "tokenizer.json", limits);
  if (flag_of(again["model"], "byte_fallback") != flag_of(model, "byte_fallback"))
    refuse("model.byte_fallback", part_of(model, "byte_fallback"));
  const auto remade = merges_of(again["model"]);
  const size_t same = static_cast<size_t>(
      std::mismatch(merges.begin(), merges.end(), remade.begin(), remade.end()).first - merges.begin());
  if (same < merges.size() || remade.size() != merges.size())
    refuse("merges, which do not follow from scores; the first that differs is",
           same < merges.size() ? merges[same].first + " " + merges[same].second : std::string("one more"));
}

// Texts of every kind that the pre-tokenizers treat apart.
constexpr std::string_view probe =
    "Hello, world!  12345 it's\n\n\ttabs \u00e9e\u0301 \ud55c\uad6d\uc5b4 \u65e5\u672c\u8a9e "
    "\U0001F600\u200d x=1;// <b> don't WE'LL  \r\n end ";

}  // namespace

GgufTokenizerFields gguf_fields_of(const Tokenizer& tokenizer, int64_t vocabulary, const Limits& limits) {
  const Json file = parse_json(tokenizer.to_json(), "tokenizer.json", limits);
  check(file.is_object(), Code::format, "tokenizer.json: expected an object, found {}", file.type_name());
  if (model_type(file) != "BPE") refuse("model", model_type(file));
  const Json& model = file["model"];
  for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"})
    if (const Json value = part_of(model, key); !value.is_null() && value != "") refuse(key, value);
  if (const Json dropout = part_of(model, "dropout"); !dropout.is_null() && dropout != 0)
    refuse("model.dropout", dropout);

  GgufTokenizerFields fields;
  const Vocabulary words(file, fields, vocabulary);
  fields.bos_id = tokenizer.bos_id();
  fields.eos_id = tokenizer.eos_id();
  fields.unknown_id = tokenizer.unknown_id();
  fields.padding_id = tokenizer.padding_id();
  take_template(file, fields);
  if (is_byte_level(file))
    take_byte_level(file, fields);
  else
    take_sentence_piece(file, fields, limits);
  fields.chat_template = tokenizer.chat_template();

  const auto again = Tokenizer::from_gguf(fields, limits);
  for (const bool special : {true, false})
    check(again->encode(probe, special) == tokenizer.encode(probe, special), Code::unsupported,
          "the tokenizer cannot be written into a GGUF file: it would give other ids");
  return fields;
}

}  // namespace peft
