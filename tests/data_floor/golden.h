// The small tokenizer and the expected rows of golden/make_golden.py.
#pragma once

#include <memory>
#include <string>

#include "base/file.h"
#include "base/json.h"
#include "support/paths.h"
#include "text/tokenizer.h"

namespace peft::test {

inline std::string golden_file(const std::string& name) {
  return read_text_file(std::string(::peft::test::source_folder()) + "/tests/data_floor/golden/" + name, 1 << 20);
}

inline const Json& golden_rows() {
  static const Json golden = parse_json(golden_file("rows.json"), "rows.json");
  return golden;
}

// Begin and end of sequences are <|im_start|> (id 1) and <|im_end|> (id 2); its chat template is SmolLM2's.
inline const Tokenizer& golden_tokenizer() {
  static const auto tokenizer =
      Tokenizer::from_json(golden_file("tokenizer.json"), dump_json(golden_rows()["tokenizer_config"]));
  return *tokenizer;
}

// The same, putting <|im_start|> before each sequence.
inline const Tokenizer& tokenizer_with_bos() {
  static const auto tokenizer = [] {
    Json json = parse_json(golden_file("tokenizer.json"), "tokenizer.json");
    const Json bos = {{"SpecialToken", {{"id", "<|im_start|>"}, {"type_id", 0}}}};
    const Json first = {{"Sequence", {{"id", "A"}, {"type_id", 0}}}},
               second = {{"Sequence", {{"id", "B"}, {"type_id", 1}}}};
    json["post_processor"] = {
        {"type", "TemplateProcessing"},
        {"single", Json::array({bos, first})},
        {"pair", Json::array({bos, first, second})},
        {"special_tokens",
         {{"<|im_start|>",
           {{"id", "<|im_start|>"}, {"ids", Json::array({1})}, {"tokens", Json::array({"<|im_start|>"})}}}}}};
    return Tokenizer::from_json(dump_json(json), dump_json(golden_rows()["tokenizer_config"]));
  }();
  return *tokenizer;
}

}  // namespace peft::test
