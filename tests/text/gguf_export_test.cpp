// GGUF's fields made of tokenizer.json give the same ids; what has no place there is refused by name.
#include "text/gguf_export.h"

#include <gtest/gtest.h>

#include <functional>

#include "support/expect_error.h"
#include "support/paths.h"
#include "text/text_fixtures.h"
#include "text/tokenizer_structure.h"

namespace peft::test {
namespace {

// Texts that pre-tokenizers, normalizers and special tokens take apart in every way.
std::vector<std::string> hard_texts() {
  std::vector<std::string> texts = {
      "",
      " ",
      "a",
      "  leading and trailing  ",
      "it's we'LL DON'T 'tis 12345 3.14 0x1F",
      "\n\n\t \r\n x \u00a0 \u3000 y",
      "e\u0301 \u00e9 \u212b K\u212a ;\u037e",
      "\ud55c\uad6d\uc5b4 \u65e5\u672c\u8a9e\u3000\u4e2d\u6587",
      "\U0001F468\u200d\U0001F469\u200d\U0001F467 \U0001F1F0\U0001F1F7 \u0939\u093f\u0928\u094d\u0926\u0940",
      "<s>a</s><|im_end|>b<|endoftext|>c<unk><0x41>",
      "<|im_end|>\u0338 <tool>\u0301",
      std::string("nul \0 byte", 10),
  };
  const Json file = golden("gpt2");
  for (const Json& item : file["texts"]) texts.push_back(item["text"]);
  return texts;
}

void expect_same_ids(const Tokenizer& tokenizer, int64_t vocabulary) {
  const GgufTokenizerFields fields = gguf_fields_of(tokenizer, vocabulary);
  EXPECT_EQ(static_cast<int64_t>(fields.tokens.size()), vocabulary);
  const auto again = Tokenizer::from_gguf(fields);
  for (const std::string& text : hard_texts())
    for (const bool special : {true, false}) {
      const std::vector<int32_t> ids = tokenizer.encode(text, special);
      ASSERT_EQ(again->encode(text, special), ids) << text;
      ASSERT_EQ(again->decode(ids, special), tokenizer.decode(ids, special)) << text;
    }
  EXPECT_EQ(again->bos_id(), fields.bos_id);
  EXPECT_EQ(again->eos_id(), tokenizer.eos_id());
  EXPECT_EQ(again->padding_id(), tokenizer.padding_id());
  for (int32_t id = 0; id <= tokenizer.maximum_id(); ++id)
    ASSERT_EQ(again->is_special(id), tokenizer.is_special(id)) << id;
}

TEST(GgufExport, SmallByteLevelTokenizers) {
  expect_same_ids(*load(byte_tokenizer(), R"({"bos_token": "<s>", "eos_token": "<|im_end|>"})"), 261);
  expect_same_ids(*load(byte_tokenizer()), 300);  // ids without a token
  for (const char* name : {"tests/capi/tokenizer.json", "tests/data_floor/golden/tokenizer.json"}) {
    const std::string path = join_path(::peft::test::source_folder(), name);
    const auto tokenizer = Tokenizer::from_json(read_text_file(path, 1 << 24), "");
    SCOPED_TRACE(path);
    expect_same_ids(*tokenizer, tokenizer->maximum_id() + 1);
  }
}

TEST(GgufExport, BosAndEosAroundAText) {
  Json json = byte_tokenizer();
  json["post_processor"]["single"].push_back({{"SpecialToken", {{"id", "<|im_end|>"}, {"type_id", 0}}}});
  json["post_processor"]["special_tokens"]["<|im_end|>"] = {
      {"id", "<|im_end|>"}, {"ids", {259}}, {"tokens", {"<|im_end|>"}}};
  const auto tokenizer = load(json, R"({"pad_token": "<tool>"})");
  const GgufTokenizerFields fields = gguf_fields_of(*tokenizer, 261);
  EXPECT_EQ(fields.bos_id, 258);
  EXPECT_EQ(fields.eos_id, 259);
  EXPECT_EQ(fields.padding_id, 260);
  EXPECT_EQ(Tokenizer::from_gguf(fields)->encode("he"), tokenizer->encode("he"));
  EXPECT_EQ(fields.pre, "gpt-2");
  EXPECT_EQ(fields.token_types[258], 3);
  EXPECT_EQ(fields.token_types[260], 4);
}

TEST(GgufExport, WhatHasNoPlaceIsNamed) {
  const auto refused = [](const char* message, const std::function<void(Json&)>& change) {
    Json json = byte_tokenizer();
    change(json);
    EXPECT_ERROR(Code::unsupported, message, gguf_fields_of(*load(json), 261));
  };
  refused("pre_tokenizer", [](Json& json) { json["pre_tokenizer"]["add_prefix_space"] = true; });
  refused("pre_tokenizer", [](Json& json) { json["pre_tokenizer"]["use_regex"] = false; });
  refused("ignore_merges", [](Json& json) { json["model"]["ignore_merges"] = true; });
  refused("normalizer", [](Json& json) { json["normalizer"] = {{"type", "Lowercase"}}; });
  refused("added token", [](Json& json) { json["added_tokens"][2]["lstrip"] = true; });
  refused("added token, which is normalized", [](Json& json) {
    json["normalizer"] = {{"type", "NFC"}};
    json["added_tokens"][2]["normalized"] = true;
  });
  refused("end_of_word_suffix", [](Json& json) { json["model"]["end_of_word_suffix"] = "</w>"; });
  refused("post_processor", [](Json& json) {
    json["post_processor"]["special_tokens"]["<s>"]["ids"] = {258, 259};
    json["post_processor"]["special_tokens"]["<s>"]["tokens"] = {"<s>", "<|im_end|>"};
  });
  EXPECT_ERROR(Code::mismatch, "the model's vocabulary is 260", gguf_fields_of(*load(byte_tokenizer()), 260));
}

class ExportedFiles : public testing::TestWithParam<const char*> {};

TEST_P(ExportedFiles, SameIds) {
  const std::string path = shared_file(std::string("tokenizers/") + GetParam() + ".json");
  PEFT_SKIP_WITHOUT(path, "shared data: tokenizers");
  const auto tokenizer = Tokenizer::from_json(read_text_file(path, 64 << 20), "");
  expect_same_ids(*tokenizer, tokenizer->maximum_id() + 3);
}

INSTANTIATE_TEST_SUITE_P(Files, ExportedFiles, testing::Values("gpt2", "gpt-neox-20b", "olmo"));

// From GGUF to tokenizer.json and back.
TEST(GgufExport, SentencePieceThereAndBack) {
  const std::string path = shared_file("gguf/llama-2-tiny-random.gguf");
  PEFT_SKIP_WITHOUT(path, "shared data: gguf");
  const GgufTokenizerFields fields = gguf_fields(path);
  for (const bool prefix : {true, false}) {
    GgufTokenizerFields changed = fields;
    changed.add_space_prefix = prefix;
    const auto tokenizer = Tokenizer::from_gguf(changed);
    EXPECT_EQ(kind_of(*tokenizer).model, "sentencepiece");
    const auto folder = Tokenizer::from_json(tokenizer->to_json(), tokenizer->config_json());
    expect_same_ids(*folder, static_cast<int64_t>(fields.tokens.size()));
    const GgufTokenizerFields again = gguf_fields_of(*folder, static_cast<int64_t>(fields.tokens.size()));
    EXPECT_EQ(again.tokens, fields.tokens);
    EXPECT_EQ(again.token_types, fields.token_types);
    EXPECT_EQ(again.add_space_prefix, prefix);
  }
}

TEST(GgufExport, MergesThatNoScoresGiveAreRefused) {
  const std::string path = shared_file("gguf/llama-2-tiny-random.gguf");
  PEFT_SKIP_WITHOUT(path, "shared data: gguf");
  const auto tokenizer = Tokenizer::from_gguf(gguf_fields(path));
  Json json = parse_json(tokenizer->to_json(), "tokenizer.json");
  json["model"]["merges"].erase(100);
  const auto changed = load(json, tokenizer->config_json());
  EXPECT_ERROR(Code::unsupported, "do not follow from scores", gguf_fields_of(*changed, 32000));
}

TEST(GgufExport, SmolLm2ThereAndBack) {
  const std::string path = smollm2_file();
  PEFT_SKIP_WITHOUT(path, test::smollm2_name);
  const GgufTokenizerFields fields = gguf_fields(path);
  const auto tokenizer = Tokenizer::from_gguf(fields);
  EXPECT_EQ(kind_of(*tokenizer).model, "byte_level_bpe");
  EXPECT_EQ(kind_of(*tokenizer).pre_tokenizer, "smollm");
  const auto folder = Tokenizer::from_json(tokenizer->to_json(), tokenizer->config_json());
  expect_same_ids(*folder, 49152);
  const GgufTokenizerFields again = gguf_fields_of(*folder, 49152);
  EXPECT_EQ(again.pre, fields.pre);
  EXPECT_EQ(again.tokens, fields.tokens);
  EXPECT_EQ(again.merges, fields.merges);
  EXPECT_EQ(again.token_types, fields.token_types);
  EXPECT_EQ(again.bos_id, fields.bos_id);
  EXPECT_EQ(again.eos_id, fields.eos_id);
  EXPECT_EQ(again.chat_template, fields.chat_template);
}

}  // namespace
}  // namespace peft::test
