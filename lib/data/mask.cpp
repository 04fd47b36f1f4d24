#include "data/mask.h"

#include <algorithm>

#include "base/error.h"

namespace peft {
namespace {

Json first_messages(const Json& messages, size_t count) {
  return Json(Json::array_t(messages.begin(), messages.begin() + static_cast<std::ptrdiff_t>(count)));
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n";
  const size_t first = text.find_first_not_of(blanks), last = text.find_last_not_of(blanks);
  return first == text.npos ? std::string_view() : text.substr(first, last - first + 1);
}

// The text behind the last thought: what templates keep of an earlier answer.
std::string_view without_thoughts(std::string_view content) {
  constexpr std::string_view end = "</think>";
  const size_t at = content.rfind(end);
  return trimmed(at == content.npos ? content : content.substr(at + end.size()));
}

int64_t common_prefix(std::string_view a, std::string_view b) {
  return std::mismatch(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(std::min(a.size(), b.size())),
                       b.begin())
             .first -
         a.begin();
}

// What the template writes before the content of turn i, whatever the content: for turns that do not begin
// with the generation prompt, such as the first turn of a conversation.
std::string opening_of(const ChatTemplate& chat_template, const Json& messages, size_t i,
                       const ChatOptions& plain) {
  Json turns = first_messages(messages, i + 1);
  turns[i]["content"] = "Aa";
  const std::string one = chat_template.render(turns, plain);
  turns[i]["content"] = "Bb";
  return one.substr(0, static_cast<size_t>(common_prefix(one, chat_template.render(turns, plain))));
}

// Turn i where the text up to it is not a prefix of the whole: found again by its content and what the
// template writes behind it.
TextSpan find_turn(const ChatTemplate& chat_template, const Json& messages, size_t i,
                   const ChatOptions& plain, const ChatOptions& prompt, std::string_view whole) {
  const std::string after = chat_template.render(first_messages(messages, i + 1), plain);
  std::string before = chat_template.render(first_messages(messages, i), prompt);
  if (!after.starts_with(before)) before = opening_of(chat_template, messages, i, plain);
  const auto begin = static_cast<int64_t>(before.size());
  if (whole.starts_with(before)) {
    if (whole.starts_with(after)) return {begin, static_cast<int64_t>(after.size())};
    const auto text = messages[i].find("content");
    const std::string_view content = text != messages[i].end() && text->is_string()
                                         ? without_thoughts(text->get_ref<const std::string&>())
                                         : "";
    const size_t place = content.empty() ? std::string_view::npos : std::string_view(after).rfind(content);
    if (place != std::string_view::npos) {
      const std::string_view answer = std::string_view(after).substr(place);  // the content and its end
      const size_t found = whole.find(answer, before.size());
      // Only blanks may stand between the prompt and the content.
      if (found != whole.npos && trimmed(whole.substr(before.size(), found - before.size())).empty())
        return {begin, static_cast<int64_t>(found + answer.size())};
    }
  }
  fail(Code::unsupported,
       "chat template: assistant turn {} reads differently when later turns follow, so its answer cannot be "
       "told apart; "
       "train without completion-only loss or with another template",
       i);
}

}  // namespace

std::vector<int32_t> mask_labels(std::span<const TokenRange> tokens, std::span<const TextSpan> answers) {
  std::vector<int32_t> labels(tokens.size(), ignored_label);
  size_t answer = 0;
  bool last = false;
  for (size_t i = 0; i < tokens.size(); ++i) {
    const TokenRange& token = tokens[i];
    if (token.begin < token.end) {
      while (answer < answers.size() && answers[answer].end <= token.begin) ++answer;
      last = answer < answers.size() && answers[answer].begin < token.end;
    }
    if (last) labels[i] = token.id;
  }
  return labels;
}

MaskedChat render_answers(const ChatTemplate& chat_template, const Json& messages,
                          const ChatOptions& options) {
  try {
    return chat_template.render_with_mask(messages, options);
  } catch (const Error& error) {
    if (error.code() != Code::unsupported) throw;
  }
  ChatOptions plain = options, prompt = options;
  plain.add_generation_prompt = false;
  prompt.add_generation_prompt = true;
  MaskedChat chat;
  chat.text = chat_template.render(messages, plain);
  for (size_t i = 0; i < messages.size(); ++i) {
    if (messages[i]["role"] != "assistant") continue;
    const TextSpan turn = find_turn(chat_template, messages, i, plain, prompt, chat.text);
    check(chat.assistant.empty() || chat.assistant.back().end <= turn.begin, Code::unsupported,
          "chat template: assistant turn {} begins inside the turn before it", i);
    chat.assistant.push_back(turn);
  }
  return chat;
}

}  // namespace peft
