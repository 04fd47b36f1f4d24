// Chat templates render as Transformers renders them (golden/make_golden.py), and tell assistant turns apart.
#include "text/chat_template.h"

#include <gtest/gtest.h>

#include "support/expect_error.h"
#include "text/text_fixtures.h"

namespace peft::test {
namespace {

const Json chat = parse_json(R"([{"role": "system", "content": "S"}, {"role": "user", "content": "one"},
    {"role": "assistant", "content": "two"}, {"role": "user", "content": "three"},
    {"role": "assistant", "content": "four"}])",
                             "chat");

constexpr const char* chatml =
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

TEST(ChatTemplate, RendersAsTransformersDoes) {
  const Json cases = golden("chats");
  ASSERT_GT(cases.size(), 40u);
  for (const Json& item : cases) {
    const auto compiled = ChatTemplate::compile(item["template"].get<std::string>());
    ChatOptions options;
    options.add_generation_prompt = item["add_generation_prompt"];
    options.bos_token = "<s>";
    options.eos_token = "</s>";
    if (item.contains("tools")) options.variables["tools"] = item["tools"];
    EXPECT_EQ(compiled->render(item["messages"], options), item["expected"].get<std::string>())
        << item["name"];
  }
}

TEST(ChatTemplate, ErrorsOfTheTemplateAreReported) {
  EXPECT_ERROR(Code::format, "roles must alternate",
               ChatTemplate::compile("{{ raise_exception('roles must alternate') }}")->render(chat));
  EXPECT_ERROR(Code::format, "chat template line 2", ChatTemplate::compile("{% if x %}\n{% endfor %}"));
  EXPECT_ERROR(Code::format, "chat template",
               ChatTemplate::compile("{{ messages[0].nope.deeper }}")->render(chat));
  EXPECT_ERROR(Code::format, "chat template", ChatTemplate::compile("{% include 'other' %}")->render(chat));
  EXPECT_ERROR(Code::format, "unknown", ChatTemplate::compile("{{ open('/etc/passwd') }}")->render(chat));
  EXPECT_ERROR(Code::format, "", ChatTemplate::compile("{{ ''.__class__.__mro__ }}")->render(chat));
  EXPECT_ERROR(Code::invalid_argument, "messages: expected an array",
               ChatTemplate::compile("x")->render(Json::object()));
  EXPECT_ERROR(Code::invalid_argument, "messages[1]: expected an object",
               ChatTemplate::compile("x")->render(Json::array({Json::object(), 3})));
  EXPECT_ERROR(Code::invalid_argument, "not valid UTF-8", ChatTemplate::compile("\xFF"));
}

TEST(ChatTemplate, VariablesAndClockReachTheTemplate) {
  ChatOptions options;
  options.variables = {{"enable_thinking", false}, {"tools", {{{"b", 1}, {"a", 2}}}}};
  options.now = 1700000000;  // 2023-11-14 in every time zone
  const auto compiled = ChatTemplate::compile(
      "{{ enable_thinking }} {{ tools | tojson }} {{ strftime_now('%Y-%m') }}{{ bos_token }}");
  EXPECT_EQ(compiled->render(chat, options), R"(False [{"b": 1, "a": 2}] 2023-11)");
}

TEST(ChatTemplate, MaskCoversWhatTheAssistantSays) {
  const MaskedChat masked = ChatTemplate::compile(chatml)->render_with_mask(chat);
  ASSERT_EQ(masked.assistant.size(), 2u);
  const auto part = [&](const TextSpan& span) {
    return masked.text.substr(static_cast<size_t>(span.begin), static_cast<size_t>(span.end - span.begin));
  };
  EXPECT_EQ(part(masked.assistant[0]), "two<|im_end|>\n");
  EXPECT_EQ(part(masked.assistant[1]), "four<|im_end|>\n");
  EXPECT_EQ(masked.assistant[1].end, static_cast<int64_t>(masked.text.size()));
}

TEST(ChatTemplate, MaskNeedsTurnsThatStay) {
  // Earlier answers are shortened once others follow.
  const auto rewriting = ChatTemplate::compile(
      "{% for m in messages %}{{ m.role }}:{{ m.content if loop.last else m.content[:1] }};{% endfor %}"
      "{% if add_generation_prompt %}assistant:{% endif %}");
  EXPECT_ERROR(Code::unsupported, "turn", rewriting->render_with_mask(chat));
  const auto no_prompt = ChatTemplate::compile(
      "{% for m in messages %}{{ m.role }}:{{ m.content }};{% endfor %}{% if add_generation_prompt %}BOT:{% "
      "endif %}");
  EXPECT_ERROR(Code::unsupported, "generation prompt", no_prompt->render_with_mask(chat));
}

TEST(ChatTemplate, SmolLm2sOwnTemplate) {
  const std::string path = smollm2_file();
  PEFT_SKIP_WITHOUT(path, test::smollm2_name);
  const auto compiled = ChatTemplate::compile(gguf_fields(path).chat_template);
  ChatOptions options;
  options.add_generation_prompt = true;
  EXPECT_EQ(
      compiled->render(parse_json(R"([{"role": "user", "content": "hi"}])", "chat"), options),
      "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n"
      "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n");
  EXPECT_EQ(compiled->render_with_mask(chat).assistant.size(), 2u);
}

}  // namespace
}  // namespace peft::test
