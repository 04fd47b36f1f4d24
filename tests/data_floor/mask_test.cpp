#include "data/mask.h"

#include <gtest/gtest.h>

#include "support/expect_error.h"

namespace peft::test {
namespace {

using Labels = std::vector<int32_t>;
constexpr int32_t none = ignored_label;

Labels labels_of(std::vector<TokenRange> tokens, std::vector<TextSpan> answers) {
  return mask_labels(tokens, answers);
}

TEST(MaskLabels, TokensOfAnswersBearALoss) {
  EXPECT_EQ(labels_of({{7, 0, 2}, {8, 2, 4}, {9, 4, 6}, {10, 6, 8}}, {{2, 6}}), (Labels{none, 8, 9, none}));
  EXPECT_EQ(labels_of({{7, 0, 2}, {8, 2, 4}, {9, 4, 6}}, {{0, 2}, {4, 6}}), (Labels{7, none, 9}));
  EXPECT_EQ(labels_of({{7, 0, 2}}, {}), (Labels{none}));
  EXPECT_EQ(labels_of({{7, 0, 2}, {8, 2, 4}}, {{2, 2}}), (Labels{none, none}));
}

TEST(MaskLabels, TokenAcrossTheBeginningOfAnAnswerBearsALoss) {
  EXPECT_EQ(labels_of({{7, 0, 3}, {8, 3, 5}, {9, 5, 9}}, {{2, 6}}), (Labels{7, 8, 9}));
}

// One character in several byte tokens, each with the whole character's range.
TEST(MaskLabels, TokensMayShareARange) {
  EXPECT_EQ(labels_of({{7, 0, 3}, {8, 0, 3}, {9, 3, 6}, {10, 3, 6}}, {{3, 6}}), (Labels{none, none, 9, 10}));
}

TEST(MaskLabels, TokensPutInByTheTokenizerFollowTheTextBeforeThem) {
  EXPECT_EQ(labels_of({{1, 0, 0}, {7, 0, 2}, {8, 2, 4}, {2, 4, 4}}, {{2, 4}}), (Labels{none, none, 8, 2}));
  EXPECT_EQ(labels_of({{1, 0, 0}, {7, 0, 2}, {2, 0, 0}}, {}), (Labels{none, none, none}));
}

Json messages(std::initializer_list<std::pair<const char*, const char*>> turns) {
  Json list = Json::array();
  for (const auto& [role, content] : turns) list.push_back({{"role", role}, {"content", content}});
  return list;
}

std::vector<std::string> answers_of(const std::string& source, const Json& turns) {
  const auto chat_template = ChatTemplate::compile(source);
  const MaskedChat chat = render_answers(*chat_template, turns, {});
  EXPECT_EQ(chat.text, chat_template->render(turns));
  std::vector<std::string> answers;
  for (const TextSpan& span : chat.assistant)
    answers.push_back(
        chat.text.substr(static_cast<size_t>(span.begin), static_cast<size_t>(span.end - span.begin)));
  return answers;
}

using Answers = std::vector<std::string>;

// Writes a system turn before conversations that have none, and thoughts in the last answer only, as Qwen3
// does.
const char* const thinking_template =
    "{% for m in messages %}<{{ m.role }}>{% if m.role == 'assistant' %}"
    "{% if loop.last %}[think][/think]{% endif %}{{ m.content.split('</think>')[-1] | trim }}"
    "{% else %}{{ m.content }}{% endif %}<end>\n{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}";

TEST(RenderAnswers, TurnsThatAreRewrittenLaterAreFoundAgain) {
  const Json turns = messages(
      {{"user", "one"}, {"assistant", "<think>hm</think> first"}, {"user", "two"}, {"assistant", "first"}});
  EXPECT_EQ(answers_of(thinking_template, turns), (Answers{"first<end>\n", "[think][/think]first<end>\n"}));
}

TEST(RenderAnswers, FirstTurnNeedsNoGenerationPrompt) {
  const char* source =
      "{% for m in messages %}{% if loop.first and m.role != 'system' %}<system>be kind<end>\n{% endif %}"
      "<{{ m.role }}>{{ m.content }}<end>\n{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}";
  EXPECT_EQ(answers_of(source, messages({{"assistant", "hello"}, {"user", "hi"}, {"assistant", "yes"}})),
            (Answers{"hello<end>\n", "yes<end>\n"}));
}

TEST(RenderAnswers, RefusesWhatCannotBeToldApart) {
  const char* upside_down = "{% for m in messages | reverse %}{{ m.role }}: {{ m.content }}\n{% endfor %}";
  EXPECT_ERROR(Code::unsupported, "assistant turn 1 reads differently",
               answers_of(upside_down, messages({{"user", "a"}, {"assistant", "b"}, {"user", "c"}})));
}

}  // namespace
}  // namespace peft::test
