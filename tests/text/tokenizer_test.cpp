// Loading, special tokens, ranges, errors and threads of the tokenizer, on one that the test writes itself.
#include "text/tokenizer.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "base/cancel.h"
#include "support/expect_error.h"
#include "text/text_fixtures.h"

namespace peft::test {
namespace {

using Ids = std::vector<int32_t>;

TEST(Tokenizer, EncodesWithAndWithoutSpecialTokens) {
  const auto tokenizer = load(byte_tokenizer());
  EXPECT_EQ(tokenizer->encode("hello"), (Ids{258, 256, 257, 'o'}));
  EXPECT_EQ(tokenizer->encode("hello", false), (Ids{256, 257, 'o'}));
  EXPECT_EQ(tokenizer->encode("a<s>b<tool>", false), (Ids{'a', 258, 'b', 260}));
  EXPECT_EQ(tokenizer->encode("", false), Ids{});
  EXPECT_EQ(tokenizer->encode(std::string_view("\0a", 2), false), (Ids{0, 'a'}));
}

TEST(Tokenizer, DecodesAndSkipsSpecialTokens) {
  const auto tokenizer = load(byte_tokenizer());
  const Ids ids = {258, 256, 257, 'o', 259, 260};
  EXPECT_EQ(tokenizer->decode(ids, true), "hello<tool>");
  EXPECT_EQ(tokenizer->decode(ids, false), "<s>hello<|im_end|><tool>");
  EXPECT_EQ(tokenizer->decode(Ids{'a', 99999, 'b'}), "ab");  // no text, as in the original
  EXPECT_EQ(tokenizer->decode(Ids{0xE2, 0x82}), "\uFFFD");
  EXPECT_EQ(tokenizer->decode(Ids{}), "");
  EXPECT_ERROR(Code::invalid_argument, "token id -1 is negative", tokenizer->decode(Ids{-1}));
}

TEST(Tokenizer, LooksUpTokens) {
  const auto tokenizer = load(byte_tokenizer());
  EXPECT_EQ(tokenizer->vocabulary_size(), 261);
  EXPECT_EQ(tokenizer->maximum_id(), 260);
  EXPECT_EQ(tokenizer->token(256), "he");
  EXPECT_EQ(tokenizer->token(259), "<|im_end|>");
  EXPECT_TRUE(tokenizer->is_special(259));
  EXPECT_FALSE(tokenizer->is_special(260));
  EXPECT_EQ(tokenizer->token_id("ll"), 257);
  EXPECT_EQ(tokenizer->token_id("zz"), std::nullopt);
  EXPECT_ERROR(Code::not_found, "no token has the id 261", tokenizer->token(261));
  EXPECT_ERROR(Code::not_found, "no token has the id -5", tokenizer->token(-5));
}

TEST(Tokenizer, ReadsTheConfiguration) {
  const auto tokenizer =
      load(byte_tokenizer(), R"({"bos_token": "<s>", "eos_token": {"content": "<|im_end|>"},
      "pad_token": null, "chat_template": [{"name": "tool_use", "template": "t"},
      {"name": "default", "template": "d"}]})");
  EXPECT_EQ(tokenizer->bos_id(), 258);
  EXPECT_EQ(tokenizer->eos_id(), 259);
  EXPECT_EQ(tokenizer->padding_id(), -1);
  EXPECT_EQ(tokenizer->unknown_id(), -1);
  EXPECT_EQ(tokenizer->token_text(258), "<s>");
  EXPECT_EQ(tokenizer->token_text(-1), "");
  EXPECT_EQ(tokenizer->end_of_turn_ids(), Ids{259});
  EXPECT_EQ(tokenizer->chat_template(), "d");
}

TEST(Tokenizer, ConfigurationThatDoesNotFitIsAnError) {
  EXPECT_ERROR(Code::mismatch, "eos_token: '</s>' is not in tokenizer.json",
               load(byte_tokenizer(), R"({"eos_token": "</s>"})"));
  EXPECT_ERROR(Code::format, "bos_token: expected a string", load(byte_tokenizer(), R"({"bos_token": 3})"));
  EXPECT_ERROR(Code::format, "chat_template: expected a string",
               load(byte_tokenizer(), R"({"chat_template": 3})"));
  EXPECT_ERROR(Code::format, "tokenizer_config.json", load(byte_tokenizer(), "{"));
}

TEST(Tokenizer, TruncationAndPaddingOfTheFileAreIgnored) {
  Json json = byte_tokenizer();
  json["truncation"] = {
      {"direction", "Right"}, {"max_length", 2}, {"strategy", "LongestFirst"}, {"stride", 0}};
  json["padding"] = {{"strategy", {{"Fixed", int64_t{1} << 50}}},
                     {"direction", "Right"},
                     {"pad_to_multiple_of", nullptr},
                     {"pad_id", 0},
                     {"pad_type_id", 0},
                     {"pad_token", "<s>"}};
  EXPECT_EQ(load(json)->encode("hello", false), (Ids{256, 257, 'o'}));
}

TEST(Tokenizer, RangesPointIntoTheText) {
  const auto tokenizer = load(byte_tokenizer());
  const std::vector<TokenRange> expected = {{258, 0, 0},  {256, 0, 2},   {257, 2, 4},    {'o', 4, 5},
                                            {259, 5, 15}, {' ', 15, 16}, {0xC3, 16, 18}, {0xA9, 16, 18}};
  EXPECT_EQ(tokenizer->encode_with_ranges("hello<|im_end|> \u00e9"), expected);
}

TEST(Tokenizer, RefusesTextsThatAreInvalidOrTooLong) {
  Limits limits;
  limits.text_bytes = 10;
  const auto tokenizer = Tokenizer::from_json(dump_json(byte_tokenizer()), {}, limits);
  EXPECT_ERROR(Code::invalid_argument, "text is not valid UTF-8 at byte 2", tokenizer->encode("ab\xFFz"));
  EXPECT_ERROR(Code::invalid_argument, "not valid UTF-8", tokenizer->encode("\xED\xA0\x80"));
  EXPECT_ERROR(Code::limit, "expected at most 10 bytes, found 11", tokenizer->encode("12345678901"));
  EXPECT_EQ(tokenizer->encode("1234567890", false).size(), 10u);
}

TEST(Tokenizer, AddedTokensStripSpacesAndMatchWholeWords) {
  Json json = byte_tokenizer();
  json["added_tokens"][0]["lstrip"] = true;
  json["added_tokens"][0]["rstrip"] = true;
  json["added_tokens"][2]["single_word"] = true;
  json["added_tokens"][2]["content"] = "tool";
  const auto tokenizer = load(json);
  EXPECT_EQ(tokenizer->encode("a \t<s>\n b", false), (Ids{'a', 258, 'b'}));
  EXPECT_EQ(tokenizer->encode("<s> <s> ", false), (Ids{258, 258}));
  EXPECT_EQ(tokenizer->encode("tool,tool", false), (Ids{260, ',', 260}));
  EXPECT_EQ(tokenizer->encode("toolx", false).front(), 't');
}

// The crate looks back over the whole text at each such token: quadratic time.
TEST(Tokenizer, ManyAddedTokensTakeLinearTime) {
  Json json = byte_tokenizer();
  json["added_tokens"][0]["lstrip"] = true;
  json["added_tokens"][0]["single_word"] = true;
  std::string text;
  for (int i = 0; i < 100000; ++i) text += "<s>  ";
  EXPECT_EQ(load(json)->encode(text, false).size(), 100002u);
}

TEST(Tokenizer, OneTokenizerServesManyThreads) {
  const auto tokenizer = load(byte_tokenizer());
  std::vector<std::thread> threads;
  std::vector<int> failures(4);
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 200; ++i) {
        const std::string text = "hello " + std::to_string(t) + " and " + std::to_string(i);
        const Ids ids = tokenizer->encode(text, false);
        failures[static_cast<size_t>(t)] += tokenizer->decode(ids) != text;
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failures, std::vector<int>(4, 0));
}

// Words of all lengths, among them what is no word.
std::string long_text(size_t bytes) {
  std::string text;
  for (uint32_t i = 1; text.size() < bytes; i = i * 1664525u + 1013904223u)
    text += std::to_string(i) + (i & 0x10000 ? " hello-" : "; he said\n\n");
  return text;
}

// Signalled from another thread in the midst of a text that takes seconds.
TEST(Tokenizer, StopsWithinALongTextWhenCancelled) {
  const auto tokenizer = load(byte_tokenizer());
  const std::string text = long_text(16 << 20);
  for (const bool ranges : {false, true}) {
    CancelToken cancel;
    std::thread signaller([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      cancel.signal();
    });
    const auto encode = [&] {
      if (ranges) {
        tokenizer->encode_with_ranges(text, true, &cancel);
      } else {
        tokenizer->encode(text, true, &cancel);
      }
    };
    EXPECT_ERROR(Code::cancelled, "cancelled", encode());
    signaller.join();
    EXPECT_ERROR(Code::cancelled, "cancelled", encode());  // at once
  }
  EXPECT_EQ(tokenizer->encode("hello"), (Ids{258, 256, 257, 'o'}));
}

}  // namespace
}  // namespace peft::test
