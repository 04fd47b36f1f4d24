#include "text/stream_decoder.h"

#include <gtest/gtest.h>

#include <random>

#include "support/expect_error.h"
#include "text/text_fixtures.h"

namespace peft::test {
namespace {

using Ids = std::vector<int32_t>;

bool is_whole(const std::string& text) {
  return dump_json(Json(text)) == Json(text).dump();  // dump() throws on broken UTF-8
}

std::string streamed(const std::shared_ptr<const Tokenizer>& tokenizer, const Ids& ids, bool skip) {
  StreamDecoder stream(tokenizer, skip);
  std::string text;
  for (const int32_t id : ids) {
    const std::string piece = stream.step(id);
    EXPECT_TRUE(is_whole(piece));
    text += piece;
  }
  return text + stream.finish();
}

TEST(StreamDecoder, GivesWholeCharactersOnly) {
  StreamDecoder stream(load(byte_tokenizer()));
  EXPECT_EQ(stream.step('a'), "a");
  EXPECT_EQ(stream.step(0xF0), "");
  EXPECT_EQ(stream.step(0x9F), "");
  EXPECT_EQ(stream.step(0x91), "");
  EXPECT_EQ(stream.step(0x8D), "\U0001F44D");
  EXPECT_EQ(stream.step(258), "");  // special
  EXPECT_EQ(stream.step(256), "he");
  EXPECT_EQ(stream.step(0xE2), "");
  EXPECT_EQ(stream.finish(), "\uFFFD");
  EXPECT_EQ(stream.step('b'), "b");  // anew
}

TEST(StreamDecoder, ACopyStandsInsideTheSameCharacter) {
  StreamDecoder stream(load(byte_tokenizer()));
  EXPECT_EQ(stream.step(0xF0), "");
  EXPECT_EQ(stream.step(0x9F), "");
  StreamDecoder copy(stream);
  EXPECT_EQ(stream.finish(), "\uFFFD");
  EXPECT_EQ(copy.step(0x91), "");
  EXPECT_EQ(copy.step(0x8D), "\U0001F44D");
}

TEST(StreamDecoder, BrokenBytesBecomeReplacementsAsInDecode) {
  const auto tokenizer = load(byte_tokenizer());
  std::mt19937 random(5);
  for (int round = 0; round < 300; ++round) {
    Ids ids(1 + random() % 40);
    for (int32_t& id : ids)
      id = static_cast<int32_t>(random() % 3 == 0 ? 97 + random() % 26 : random() % 261);
    EXPECT_EQ(streamed(tokenizer, ids, true), tokenizer->decode(ids, true));
    EXPECT_EQ(streamed(tokenizer, ids, false), tokenizer->decode(ids, false));
  }
}

GgufTokenizerFields sentence_piece() {
  GgufTokenizerFields fields;
  fields.model = "llama";
  fields.tokens = {"<unk>", "<s>", "</s>"};
  fields.token_types = {2, 3, 3};
  for (int byte = 0; byte < 256; ++byte) {
    fields.tokens.push_back(fmt::format("<0x{:02X}>", byte));
    fields.token_types.push_back(6);
  }
  for (const char* piece : {"\u2581", "a", "b", "\u2581a", "ab", "\u2581ab", "\u2581\u2581"}) {
    fields.tokens.push_back(piece);
    fields.token_types.push_back(1);
  }
  for (size_t id = 0; id < fields.tokens.size(); ++id) fields.scores.push_back(-static_cast<float>(id));
  fields.bos_id = 1;
  fields.eos_id = 2;
  fields.unknown_id = 0;
  return fields;
}

TEST(StreamDecoder, LeadingSpacesAreThoseOfDecode) {
  const auto tokenizer = Tokenizer::from_gguf(sentence_piece());
  const int32_t space = 259, space_a = 262;
  for (const Ids& ids :
       {Ids{1, space_a, space_a}, Ids{space, space, space_a}, Ids{space_a, 2, space_a, 2, space},
        Ids{2, space, 2, space, 2, space_a}, Ids{265, space_a}, Ids{space_a, 1, space_a}}) {
    EXPECT_EQ(streamed(tokenizer, ids, true), tokenizer->decode(ids, true));
    EXPECT_EQ(streamed(tokenizer, ids, false), tokenizer->decode(ids, false));
  }
}

// A run of byte tokens is valid or replaced as a whole.
TEST(StreamDecoder, RunsOfByteTokensAreThoseOfDecode) {
  const auto tokenizer = Tokenizer::from_gguf(sentence_piece());
  std::mt19937 random(6);
  const int32_t good[] = {3 + 0xC3, 3 + 0xA9};
  for (int round = 0; round < 300; ++round) {
    Ids ids;
    for (int i = 0; i < 20; ++i) {
      const auto kind = random() % 4;
      if (kind == 0) ids.insert(ids.end(), std::begin(good), std::end(good));
      if (kind == 1) ids.push_back(3 + static_cast<int32_t>(random() % 256));
      if (kind >= 2) ids.push_back(static_cast<int32_t>(random() % 266));
    }
    EXPECT_EQ(streamed(tokenizer, ids, true), tokenizer->decode(ids, true));
  }
}

TEST(StreamDecoder, LongStreamsTakeLinearTime) {
  const auto tokenizer = load(byte_tokenizer());
  StreamDecoder stream(tokenizer);
  size_t size = 0;
  for (int i = 0; i < 100000; ++i) size += stream.step(i % 3 == 2 ? ' ' : 256).size();
  EXPECT_EQ(size, 166667u);
  EXPECT_ERROR(Code::invalid_argument, "token id -7 is negative", stream.step(-7));
}

}  // namespace
}  // namespace peft::test
