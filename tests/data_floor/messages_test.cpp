#include "data/messages.h"

#include <gtest/gtest.h>

#include "support/expect_error.h"

namespace peft::test {
namespace {

Conversation read(const char* row) { return conversation_of(parse_json(row, "row"), "data:1"); }
std::string messages_of(const char* row) { return dump_json(read(row).messages); }

TEST(Conversation, BothSpellingsAreOne) {
  const std::string expected = R"([{"role":"user","content":"a"},{"role":"assistant","content":"b"}])";
  EXPECT_EQ(messages_of(R"({"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]})"),
            expected);
  EXPECT_EQ(messages_of(R"({"conversations":[{"from":"human","value":"a"},{"from":"gpt","value":"b"}]})"),
            expected);
  EXPECT_EQ(
      messages_of(R"({"conversations":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]})"),
      expected);
}

TEST(Conversation, SystemBesideTheMessagesComesFirst) {
  EXPECT_EQ(messages_of(R"({"system":"s","conversations":[{"from":"human","value":"a"}]})"),
            R"([{"role":"system","content":"s"},{"role":"user","content":"a"}])");
  EXPECT_EQ(messages_of(R"({"system":"s","messages":[{"role":"system","content":"t"}]})"),
            R"([{"role":"system","content":"t"}])");
}

TEST(Conversation, PartsAreJoinedAndOtherFieldsKept) {
  EXPECT_EQ(
      messages_of(R"({"messages":[{"role":"user","content":[{"type":"text","text":"a"},"b"],"name":"n"}]})"),
      R"([{"role":"user","content":"ab","name":"n"}])");
  EXPECT_EQ(messages_of(R"({"messages":[{"role":"assistant","content":null,"tool_calls":[]}]})"),
            R"([{"role":"assistant","content":null,"tool_calls":[]}])");
}

TEST(Conversation, ToolsAreAnArrayOrItsText) {
  EXPECT_EQ(dump_json(read(R"({"messages":[],"tools":[{"name":"f"}]})").tools), R"([{"name":"f"}])");
  EXPECT_EQ(dump_json(read(R"({"messages":[],"tools":"[{\"name\":\"f\"}]"})").tools), R"([{"name":"f"}])");
  EXPECT_TRUE(read(R"({"messages":[],"tools":[]})").tools.is_null());
  EXPECT_ERROR(Code::format, "field 'tools': expected an array", read(R"({"messages":[],"tools":{}})"));
}

TEST(Conversation, ErrorsNameTheMessage) {
  EXPECT_ERROR(Code::format, "data:1: field 'messages': expected an array of messages, found string",
               read(R"({"messages":"hi"})"));
  EXPECT_ERROR(Code::format, "data:1: messages[1]: expected an object, found string",
               read(R"({"messages":[{"role":"user","content":""},"x"]})"));
  EXPECT_ERROR(Code::format, "data:1: messages[0]: field 'content': expected string, found integer",
               read(R"({"messages":[{"role":"user","content":1}]})"));
  EXPECT_ERROR(Code::format, "messages[0]: field 'content': expected string, found nothing",
               read(R"({"messages":[{"role":"user"}]})"));
  EXPECT_ERROR(Code::format, "messages[0]: field 'role'", read(R"({"messages":[{"role":"","content":""}]})"));
  EXPECT_ERROR(Code::format, "conversations[0]: field 'from': expected \"human\"",
               read(R"({"conversations":[{"from":"alien","value":""}]})"));
  EXPECT_ERROR(Code::unsupported, "of type \"image_url\"",
               read(R"({"messages":[{"role":"user","content":[{"type":"image_url"}]}]})"));
}

TEST(InstructionPrompt, HasAlpacasTwoForms) {
  EXPECT_EQ(
      instruction_prompt("Do it.", ""),
      "Below is an instruction that describes a task. Write a response that appropriately completes the "
      "request.\n\n### Instruction:\nDo it.\n\n### Response:\n");
  EXPECT_NE(instruction_prompt("Do it.", "with this").find("\n\n### Input:\nwith this\n\n### Response:\n"),
            std::string::npos);
}

}  // namespace
}  // namespace peft::test
