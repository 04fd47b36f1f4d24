// Tokenizer files that lie: a status each time, in bounded time and memory.
#include <gtest/gtest.h>

#include <random>

#include "support/expect_error.h"
#include "text/text_fixtures.h"
#include "text/tokenizer.h"

namespace peft::test {
namespace {

// Loads and encodes; the only acceptable end besides success is an Error that blames the file or a limit.
void expect_status(const std::string& json) {
  try {
    const auto tokenizer = Tokenizer::from_json(json, {});
    const std::vector<int32_t> ids = tokenizer->encode("Hello  world, \u00e9 123 <s> \xf0\x9f\x98\x80!");
    tokenizer->decode(ids);
  } catch (const Error& error) {
    EXPECT_TRUE(error.code() == Code::format || error.code() == Code::limit ||
                error.code() == Code::invalid_argument)
        << static_cast<int>(error.code()) << " " << error.what();
  }
}

TEST(HostileTokenizer, MissingKeys) {
  const Json good = byte_tokenizer();
  for (const auto& [key, value] : good.items()) {
    Json json = good;
    json.erase(key);
    expect_status(dump_json(json));
  }
  for (const auto& [key, value] : good["model"].items()) {
    Json json = good;
    json["model"].erase(key);
    expect_status(dump_json(json));
  }
  EXPECT_ERROR(Code::format, "tokenizer.json", Tokenizer::from_json("{}", {}));
  EXPECT_ERROR(Code::format, "tokenizer.json", Tokenizer::from_json("", {}));
}

TEST(HostileTokenizer, WrongTypes) {
  const Json good = byte_tokenizer();
  const std::vector<Json> wrong = {nullptr,          true, -1, 1e300, "text", Json::array({1, "a", nullptr}),
                                   {{"type", "BPE"}}};
  for (const auto& [key, value] : good.items())
    for (const Json& replacement : wrong) {
      Json json = good;
      json[key] = replacement;
      expect_status(dump_json(json));
    }
  for (const auto& [key, value] : good["model"].items())
    for (const Json& replacement : wrong) {
      Json json = good;
      json["model"][key] = replacement;
      expect_status(dump_json(json));
    }
}

TEST(HostileTokenizer, MergesOfUnknownPieces) {
  for (const Json& merge : {Json("zz qq"), Json("h x"), Json("h"), Json(""), Json("a b c"), Json(7)}) {
    Json json = byte_tokenizer();
    json["model"]["merges"].push_back(merge);
    EXPECT_ERROR(Code::format, "tokenizer.json", load(json));
  }
  // Longer than any word of the vocabulary: the crate writes beyond a buffer's end, and says so by a panic.
  Json json = byte_tokenizer();
  json["model"]["continuing_subword_prefix"] = "##########";
  EXPECT_ERROR(Code::format, "tokenizer.json", load(json));
}

TEST(HostileTokenizer, IdsOutOfRange) {
  for (const int64_t id : {int64_t{-1}, int64_t{1} << 31, int64_t{1} << 32, int64_t{1} << 62}) {
    Json json = byte_tokenizer();
    json["model"]["vocab"]["he"] = id;
    EXPECT_ERROR(Code::format, "tokenizer.json", load(json));
  }
}

TEST(HostileTokenizer, AddedTokensThatWouldGetOtherIds) {
  Json json = byte_tokenizer();
  json["added_tokens"][1]["id"] = 400;
  EXPECT_ERROR(Code::format, "added token '<|im_end|>': expected id 400, found 259", load(json));
}

TEST(HostileTokenizer, RandomIdsAreRefused) {
  Json json = byte_tokenizer();
  json["model"]["dropout"] = 0.5;
  EXPECT_ERROR(Code::format, "model.dropout", load(json));
}

TEST(HostileTokenizer, DeepNesting) {
  const std::string good = dump_json(byte_tokenizer());
  for (const char* part : {"normalizer", "pre_tokenizer", "decoder", "post_processor"}) {
    std::string nest = "[", end = "]";
    for (int i = 0; i < 100000; ++i) nest += "[";
    EXPECT_ERROR(Code::format, "tokenizer.json",
                 Tokenizer::from_json("{\"" + std::string(part) + "\":" + nest, {}));
  }
  std::string nested = R"({"type":"NFC"})";
  for (int i = 0; i < 60; ++i) nested = R"({"type":"Sequence","normalizers":[)" + nested + "]}";
  Json json = byte_tokenizer();
  json["normalizer"] = 0;
  std::string text = dump_json(json);
  text.replace(text.find("\"normalizer\":0"), 14, "\"normalizer\":" + nested);
  expect_status(text);
}

TEST(HostileTokenizer, NormalizersThatGrowTheText) {
  Json steps = Json::array();
  for (int i = 0; i < 60; ++i)
    steps.push_back({{"type", "Replace"}, {"pattern", {{"String", "a"}}}, {"content", "aa"}});
  Json json = byte_tokenizer();
  json["normalizer"] = {{"type", "Sequence"}, {"normalizers", steps}};
  EXPECT_ERROR(Code::limit, "bytes of memory", load(json)->encode("a"));
}

Json with_pattern(const std::string& pattern) {
  Json json = byte_tokenizer();
  json["pre_tokenizer"] = {
      {"type", "Split"}, {"pattern", {{"Regex", pattern}}}, {"behavior", "Isolated"}, {"invert", false}};
  return json;
}

// Where the matcher gives up the crate would go on with the rest unsplit, and give other ids.
TEST(HostileTokenizer, PatternsThatGiveUpAreErrors) {
  const auto tokenizer = load(with_pattern(R"(\p{L}++|\s+(?!\S)|\s+)"));
  EXPECT_EQ(tokenizer->encode("  x", false), std::vector<int32_t>{'x'});
  EXPECT_ERROR(Code::limit, "gives up", tokenizer->encode(std::string(1100000, ' ') + "x"));
}

TEST(HostileTokenizer, PatternsThatBacktrackForever) {
  const std::string text = std::string(3000, 'a') + std::string(3000, 'x');
  for (const char* pattern : {"(a+)+b(?!c)", "(?:a|a)*(?=b)", R"(((a*)*)*\1c)", "(x+x+)+y(?!z)"}) {
    const auto tokenizer = load(with_pattern(pattern));
    try {
      tokenizer->encode(text);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::limit) << error.what();
    }
  }
}

TEST(HostileTokenizer, PatternsThatDoNotCompile) {
  for (const char* pattern : {"(", "[z-a]", "(?<n>a)(?<n>b)\\k<m>", "a{99999999999}", "\\p{Nope}"}) {
    EXPECT_ERROR(Code::format, "tokenizer.json", load(with_pattern(pattern)));
  }
}

TEST(HostileTokenizer, LongWordsOfWordPiece) {
  Json json = byte_tokenizer();
  json["added_tokens"] = Json::array();
  json["post_processor"] = nullptr;
  json["model"] = {{"type", "WordPiece"},
                   {"unk_token", "a"},
                   {"continuing_subword_prefix", "##"},
                   {"max_input_chars_per_word", 1000000000},
                   {"vocab", {{"a", 0}, {"##a", 1}}}};
  EXPECT_ERROR(Code::format, "max_input_chars_per_word", load(json));
}

TEST(HostileTokenizer, FlippedBytes) {
  const std::string good = dump_json(byte_tokenizer());
  std::mt19937 random(7);
  for (int round = 0; round < 1500; ++round) {
    std::string bad = good;
    const int flips = 1 + static_cast<int>(random() % 3);
    for (int i = 0; i < flips; ++i) bad[random() % bad.size()] = static_cast<char>(random() % 128);
    expect_status(bad);
  }
}

TEST(HostileTokenizer, CutFiles) {
  const std::string good = dump_json(byte_tokenizer());
  for (size_t size = 0; size < good.size(); size += 61)
    EXPECT_ERROR(Code::format, "tokenizer.json", Tokenizer::from_json(good.substr(0, size), {}));
}

TEST(HostileGguf, FieldsThatDoNotFit) {
  GgufTokenizerFields good;
  good.model = "gpt2";
  good.tokens = {"a", "b", "ab"};
  good.merges = {"a b"};
  EXPECT_EQ(Tokenizer::from_gguf(good)->encode("ab"), std::vector<int32_t>{2});

  const auto broken = [&](auto change) {
    GgufTokenizerFields fields = good;
    change(fields);
    return fields;
  };
  using Fields = GgufTokenizerFields;
  EXPECT_ERROR(Code::unsupported, "tokenizer.ggml.pre: 'shiny' is not supported",
               Tokenizer::from_gguf(broken([](Fields& f) { f.pre = "shiny"; })));
  EXPECT_ERROR(Code::unsupported, "found 'rwkv'",
               Tokenizer::from_gguf(broken([](Fields& f) { f.model = "rwkv"; })));
  EXPECT_ERROR(Code::format, "expected tokens, found none",
               Tokenizer::from_gguf(broken([](Fields& f) { f.tokens.clear(); })));
  EXPECT_ERROR(Code::format, "'a' occurs twice",
               Tokenizer::from_gguf(broken([](Fields& f) { f.tokens[1] = "a"; })));
  EXPECT_ERROR(Code::format, "token_type: expected 3 elements, found 1",
               Tokenizer::from_gguf(broken([](Fields& f) { f.token_types = {1}; })));
  EXPECT_ERROR(Code::format, "eos_token_id: expected an id below 3, found 3",
               Tokenizer::from_gguf(broken([](Fields& f) { f.eos_id = 3; })));
  EXPECT_ERROR(Code::format, "merges[0]: expected two pieces",
               Tokenizer::from_gguf(broken([](Fields& f) { f.merges[0] = "ab"; })));
  EXPECT_ERROR(Code::format, "tokenizer.json",
               Tokenizer::from_gguf(broken([](Fields& f) { f.merges[0] = "a z"; })));
  EXPECT_ERROR(Code::format, "scores: expected an array",
               Tokenizer::from_gguf(broken([](Fields& f) { f.model = "llama"; })));
}

}  // namespace
}  // namespace peft::test
