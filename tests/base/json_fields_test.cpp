#include <limits>

#include "base/json.h"
#include "support/expect_error.h"

namespace peft {
namespace {

const Json& sample() {
  static const Json value = parse_json(
      R"({"layers":12,"rate":0.5,"big":18446744073709551615,"flag":true,"name":"llama","none":null,
          "modules":["q","v"],"mixed":["q",1],"whole":3.0})",
      "test");
  return value;
}

TEST(JsonFieldsTest, GivesTypedValues) {
  const JsonFields fields(sample(), "config.json");
  EXPECT_EQ(fields.integer("layers", 1, 100), 12);
  EXPECT_EQ(fields.number("rate", 0, 1), 0.5);
  EXPECT_EQ(fields.number("layers", 0, 100), 12.0);
  EXPECT_TRUE(fields.boolean("flag"));
  EXPECT_EQ(fields.string("name"), "llama");
  EXPECT_EQ(fields.strings("modules"), (std::vector<std::string>{"q", "v"}));
}

TEST(JsonFieldsTest, AbsentAndNullTakeTheDefault) {
  const JsonFields fields(sample(), "config.json");
  for (const char* key : {"absent", "none"}) {
    EXPECT_FALSE(fields.has(key));
    EXPECT_EQ(fields.find(key), nullptr);
    EXPECT_EQ(fields.integer_or(key, 7, 0, 10), 7);
    EXPECT_EQ(fields.number_or(key, 0.25, 0, 1), 0.25);
    EXPECT_TRUE(fields.boolean_or(key, true));
    EXPECT_EQ(fields.string_or(key, "x"), "x");
    EXPECT_FALSE(fields.strings(key));
    EXPECT_ERROR(Code::format, "expected integer, found nothing", fields.integer(key, 0, 1));
  }
  EXPECT_EQ(fields.integer_or("layers", 7, 0, 20), 12);
}

TEST(JsonFieldsTest, WrongTypesAndRangesNameFileFieldExpectedAndFound) {
  const JsonFields fields(sample(), "config.json");
  EXPECT_ERROR(Code::format, "config.json: field 'name': expected integer, found string",
               fields.integer("name", 0, 1));
  EXPECT_ERROR(Code::format, "field 'layers': expected integer from 1 to 8, found 12",
               fields.integer("layers", 1, 8));
  EXPECT_ERROR(Code::format, "expected integer from 0 to 9223372036854775807, found 18446744073709551615",
               fields.integer("big", 0, std::numeric_limits<int64_t>::max()));
  EXPECT_ERROR(Code::format, "expected integer, found number", fields.integer("whole", 0, 10));
  EXPECT_ERROR(Code::format, "expected number from 0 to 0.25, found 0.5", fields.number("rate", 0, 0.25));
  EXPECT_ERROR(Code::format, "expected boolean, found integer", fields.boolean_or("layers", true));
  EXPECT_ERROR(Code::format, "expected string, found boolean", fields.string_or("flag", ""));
  EXPECT_ERROR(Code::format, "expected array of strings, found string", fields.strings("name"));
  EXPECT_ERROR(Code::format, "found integer at index 1", fields.strings("mixed"));
  const Json list = Json::array();
  EXPECT_ERROR(Code::format, "config.json: expected an object, found array", JsonFields(list, "config.json"));
}

}  // namespace
}  // namespace peft
