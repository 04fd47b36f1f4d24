#include "data/format.h"

#include <gtest/gtest.h>

#include "support/expect_error.h"

namespace peft::test {
namespace {

DataFormat found(const char* row) { return format_of_row(parse_json(row, "row"), "data:1"); }

TEST(FormatOfRow, KnowsEveryShape) {
  EXPECT_EQ(found(R"({"messages": []})"), DataFormat::chat);
  EXPECT_EQ(found(R"({"id": 1, "conversations": []})"), DataFormat::chat);
  EXPECT_EQ(found(R"({"instruction": "", "output": ""})"), DataFormat::instruction);
  EXPECT_EQ(found(R"({"instruction": "", "input": "", "output": "", "text": ""})"), DataFormat::instruction);
  EXPECT_EQ(found(R"({"prompt": "", "completion": ""})"), DataFormat::prompt_completion);
  EXPECT_EQ(found(R"({"text": "", "source": ""})"), DataFormat::text);
  EXPECT_EQ(found(R"({"token_ids": []})"), DataFormat::tokens);
  EXPECT_EQ(found(R"({"input_ids": [], "labels": []})"), DataFormat::tokens);
}

TEST(FormatOfRow, NamesTasksThatItKnowsButCannotTrain) {
  EXPECT_ERROR(Code::unsupported, "data:1: a question/answer row",
               found(R"({"question": "", "answer": ""})"));
  EXPECT_ERROR(Code::unsupported, "question/answer",
               found(R"({"context": "", "question": "", "answers": {}})"));
  EXPECT_ERROR(Code::unsupported, "a classification row (\"text\", \"label\")",
               found(R"({"text": "", "label": 1})"));
  EXPECT_ERROR(Code::unsupported, "a preference row",
               found(R"({"prompt": "", "chosen": "", "rejected": ""})"));
}

TEST(FormatOfRow, SaysWhatItFoundInUnknownRows) {
  EXPECT_ERROR(Code::format, "found the fields \"prompt\", \"answer\"",
               found(R"({"prompt": "", "answer": ""})"));
  EXPECT_ERROR(Code::format, "found the fields none", found("{}"));
}

TEST(LooksLikeJson, TellsRowsFromText) {
  EXPECT_TRUE(looks_like_json("{\"text\": 1}"));
  EXPECT_TRUE(looks_like_json("\xEF\xBB\xBF \n[\n{}]"));
  EXPECT_TRUE(looks_like_json("[]"));
  EXPECT_FALSE(looks_like_json("[Enter HAMLET]"));
  EXPECT_FALSE(looks_like_json("{curly} words"));
  EXPECT_FALSE(looks_like_json("Once upon a time"));
  EXPECT_FALSE(looks_like_json(""));
}

}  // namespace
}  // namespace peft::test
