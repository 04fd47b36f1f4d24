#include "base/json.h"

#include <chrono>

#include "support/expect_error.h"

namespace peft {
namespace {

TEST(JsonParse, KeepsValuesAndKeyOrder) {
  const std::string text = R"({"b":1,"a":[true,null,-2,1.5,"x\u00e9"],"c":{"z":{},"y":[]}})";
  EXPECT_EQ(dump_json(parse_json(text, "test")),
            R"({"b":1,"a":[true,null,-2,1.5,"xé"],"c":{"z":{},"y":[]}})");
  EXPECT_EQ(parse_json(" 7 ", "test").get<int>(), 7);
  EXPECT_EQ(parse_json("\xEF\xBB\xBF{}", "test"), Json::object());
  EXPECT_EQ(parse_json("18446744073709551615", "test").get<uint64_t>(), UINT64_MAX);
}

TEST(JsonParse, MalformedTextIsNamedWithItsLine) {
  EXPECT_ERROR(Code::format, "config.json: line 3: malformed JSON",
               parse_json("{\n\"a\":\n}", "config.json"));
  for (const char* text :
       {"",        " ",     "{",       "[1,]",        "{\"a\":1,}", "[1] 2", "{}{}", "nul",
        "'a'",     "01",    "+1",      "NaN",         "Infinity",   "[1 2]", "\"a",  "\"\t\"",
        "// c\n1", "{1:2}", "\"\\x\"", "\"\\ud800\"", "--1",        "1.",    ".5"})
    EXPECT_ERROR(Code::format, "test: line ", parse_json(text, "test"));
}

TEST(JsonParse, InvalidUtf8IsRefusedAndTheMessageIsText) {
  for (const char* text :
       {"\"\xff\"", "\"\xc0\x80\"", "\"\xed\xa0\x80\"", "\"\xe2\x82\"", "\"\xf5\x80\x80\x80\""}) {
    EXPECT_ERROR(Code::format, "malformed JSON", parse_json(text, "test"));
    try {
      parse_json(text, "test");
    } catch (const Error& error) {
      for (const char c : std::string(error.what())) EXPECT_TRUE(c >= 0x20 && c < 0x7f);
    }
  }
}

TEST(JsonParse, NulByteDoesNotEndTheText) {
  EXPECT_ERROR(Code::format, "NUL byte at offset 2", parse_json(std::string_view("{}\0{", 4), "test"));
  EXPECT_ERROR(Code::format, "NUL byte", parse_json(std::string_view("\0", 1), "test"));
}

TEST(JsonParse, DuplicateKeysAreRefused) {
  EXPECT_ERROR(Code::format, "duplicate key 'a'", parse_json(R"({"a":1,"b":2,"a":3})", "test"));
  EXPECT_ERROR(Code::format, "duplicate key 'a'", parse_json(R"([{"x":{"a":1,"\u0061":1}}])", "test"));
  EXPECT_NO_THROW(parse_json(R"([{"a":1},{"a":{"a":2}}])", "test"));
}

TEST(JsonParse, NumbersBeyondTheRangeAreRefused) {
  EXPECT_ERROR(Code::format, "line 1: malformed JSON: number overflow", parse_json("[1e400]", "test"));
  EXPECT_ERROR(Code::format, "number overflow", parse_json("-1e400", "test"));
  EXPECT_ERROR(Code::format, "malformed JSON", parse_json(std::string(400, '9'), "test"));
  EXPECT_EQ(parse_json("1e-400", "test").get<double>(), 0.0);
}

TEST(JsonParse, DepthIsBoundedBeforeAnythingNests) {
  Limits limits;
  const auto nested = [](int depth, const char* open, const char* close) {
    std::string text;
    for (int i = 0; i < depth; ++i) text += open;
    text += "1";
    for (int i = 0; i < depth; ++i) text += close;
    return text;
  };
  EXPECT_NO_THROW(parse_json(nested(limits.json_depth, "[", "]"), "test"));
  EXPECT_ERROR(Code::limit, "deeper than 64", parse_json(nested(limits.json_depth + 1, "[", "]"), "test"));
  EXPECT_ERROR(Code::limit, "deeper than 64", parse_json(nested(100000, "[", "]"), "test"));
  EXPECT_ERROR(Code::limit, "deeper than 64", parse_json(std::string(10000000, '['), "test"));
  EXPECT_ERROR(Code::limit, "deeper than 64", parse_json(nested(100000, "{\"a\":", "}"), "test"));
}

TEST(JsonParse, SizesAreBounded) {
  Limits limits;
  limits.json_bytes = 10;
  EXPECT_NO_THROW(parse_json("[1,2,3,45]", "test", limits));
  EXPECT_ERROR(Code::limit, "11 bytes of JSON, at most 10", parse_json("[1,2,3,456]", "test", limits));
  limits = {};
  limits.json_values = 4;
  EXPECT_NO_THROW(parse_json("[1,2,3]", "test", limits));
  EXPECT_ERROR(Code::limit, "more than 4 JSON values", parse_json("[1,2,[],3]", "test", limits));
  limits = {};
  limits.string_bytes = 3;
  EXPECT_NO_THROW(parse_json("\"abc\"", "test", limits));
  EXPECT_ERROR(Code::limit, "string of 4 bytes", parse_json("{\"abcd\":1}", "test", limits));
}

TEST(JsonParse, LargeObjectsTakeLinearTime) {
  std::string text = "{";
  for (int i = 0; i < 200000; ++i) text += fmt::format("{}\"token{}\":{}", i ? "," : "", i, i);
  text += "}";
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(parse_json(text, "test").size(), 200000u);
  // A quadratic insert takes minutes; the bound leaves room for sanitizers.
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
}

TEST(JsonDump, ReplacesInvalidUtf8AndBoundsDepth) {
  EXPECT_EQ(dump_json(Json("a\xff")), "\"a\xef\xbf\xbd\"");
  EXPECT_EQ(dump_json(Json::parse("{\"a\":[1]}"), 1), "{\n \"a\": [\n  1\n ]\n}");
  Json deep = 1;
  for (int i = 0; i < 65; ++i) deep = Json::array({std::move(deep)});
  EXPECT_ERROR(Code::limit, "deeper than 64", dump_json(deep));
}

}  // namespace
}  // namespace peft
