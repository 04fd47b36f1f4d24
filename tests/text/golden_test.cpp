// Ids and texts equal those of the original tokenizers (golden/make_golden.py).
#include <gtest/gtest.h>

#include "text/stream_decoder.h"
#include "text/text_fixtures.h"
#include "text/tokenizer.h"

namespace peft::test {
namespace {

using Ids = std::vector<int32_t>;

std::string repeated(const std::string& piece, int64_t count) {
  std::string text;
  for (int64_t i = 0; i < count; ++i) text += piece;
  return text;
}

void expect_golden(const std::shared_ptr<const Tokenizer>& tokenizer, const std::string& name,
                   bool add_special_tokens = true) {
  const Json cases = golden(name);
  ASSERT_GT(cases["texts"].size(), 100u);
  for (const Json& item : cases["texts"]) {
    const std::string text = item["text"];
    const Ids ids = item["ids"];
    EXPECT_EQ(tokenizer->encode(text, add_special_tokens), ids) << name << ": " << item["text"];
    EXPECT_EQ(tokenizer->decode(ids, /*skip_special_tokens=*/false), item["decoded"].get<std::string>())
        << name;

    std::string streamed;
    StreamDecoder stream(tokenizer, /*skip_special_tokens=*/false);
    for (const int32_t id : ids) streamed += stream.step(id);
    streamed += stream.finish();
    EXPECT_EQ(streamed, item["decoded"].get<std::string>()) << name << ": " << item["text"];

    Ids ranged;
    for (const TokenRange& token : tokenizer->encode_with_ranges(text, add_special_tokens))
      ranged.push_back(token.id);
    EXPECT_EQ(ranged, ids) << name << ": " << item["text"];
  }
  for (const Json& item : cases["runs"]) {
    Ids ids;
    for (const Json& run : item["ids"]) ids.insert(ids.end(), run[1].get<size_t>(), run[0].get<int32_t>());
    const std::string text = repeated(item["piece"], item["count"]) + item["tail"].get<std::string>();
    EXPECT_EQ(tokenizer->encode(text, add_special_tokens), ids)
        << name << ": a run of '" << item["piece"] << "'";
  }
}

class GoldenJson : public testing::TestWithParam<const char*> {};

TEST_P(GoldenJson, IdsEqualTheOriginals) {
  const std::string path = shared_file(std::string("tokenizers/") + GetParam() + ".json");
  PEFT_SKIP_WITHOUT(path, "shared data: tokenizers");
  expect_golden(Tokenizer::from_json(read_text_file(path, 64 << 20), {}), GetParam());
}

INSTANTIATE_TEST_SUITE_P(Files, GoldenJson, testing::Values("gpt2", "gpt-neox-20b", "olmo"));

class GoldenPre : public testing::TestWithParam<const char*> {};

// The vocabulary of GPT-2 behind the pre-tokenizer of another family.
TEST_P(GoldenPre, IdsEqualTheOriginals) {
  const std::string path = shared_file("tokenizers/gpt2.json");
  PEFT_SKIP_WITHOUT(path, "shared data: tokenizers");
  const Json source = parse_json(read_text_file(path, 64 << 20), path);
  GgufTokenizerFields fields;
  fields.model = "gpt2";
  fields.pre = GetParam();
  const Json& vocabulary = source["model"]["vocab"];
  fields.tokens.resize(vocabulary.size());
  for (const auto& [token, id] : vocabulary.items()) fields.tokens[id.get<size_t>()] = token;
  for (const Json& merge : source["model"]["merges"]) fields.merges.push_back(merge);
  fields.token_types.assign(fields.tokens.size(), 1);
  fields.add_bos = false;
  expect_golden(Tokenizer::from_gguf(fields), std::string("pre-") + GetParam());
}

INSTANTIATE_TEST_SUITE_P(Families, GoldenPre, testing::Values("llama-bpe", "qwen2", "tekken"));

TEST(GoldenGguf, SmolLm2) {
  const std::string path = smollm2_file();
  PEFT_SKIP_WITHOUT(path, test::smollm2_name);
  const auto tokenizer = Tokenizer::from_gguf(gguf_fields(path));
  expect_golden(tokenizer, "smollm2");
  EXPECT_EQ(tokenizer->bos_id(), 1);
  EXPECT_EQ(tokenizer->eos_id(), 2);
  EXPECT_EQ(tokenizer->vocabulary_size(), 49152);
  EXPECT_EQ(tokenizer->end_of_turn_ids(), (Ids{0, 2}));
  EXPECT_NE(tokenizer->chat_template().find("im_start"), std::string::npos);
}

TEST(GoldenGguf, Llama2EqualsSentencePiece) {
  const std::string path = shared_file("gguf/llama-2-tiny-random.gguf");
  PEFT_SKIP_WITHOUT(path, "shared data: gguf");
  const auto tokenizer = Tokenizer::from_gguf(gguf_fields(path));
  expect_golden(tokenizer, "llama2", /*add_special_tokens=*/false);
  EXPECT_EQ(tokenizer->encode("Hi", true).front(), 1);
  EXPECT_EQ(tokenizer->encode("Hi</s>", false).back(), 2);
}

// The file written for an output folder gives the same tokenizer again.
TEST(GoldenGguf, WrittenJsonLoadsAgain) {
  const std::string path = shared_file("gguf/llama-2-tiny-random.gguf");
  PEFT_SKIP_WITHOUT(path, "shared data: gguf");
  const auto tokenizer = Tokenizer::from_gguf(gguf_fields(path));
  const auto again = Tokenizer::from_json(tokenizer->to_json(), tokenizer->config_json());
  EXPECT_EQ(again->encode("A small test. 한국"), tokenizer->encode("A small test. 한국"));
  EXPECT_EQ(again->eos_id(), 2);
  EXPECT_EQ(again->bos_id(), 1);
}

}  // namespace
}  // namespace peft::test
