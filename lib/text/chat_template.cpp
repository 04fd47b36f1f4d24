#include "text/chat_template.h"

#include <ctime>

#include "text/bridge.h"

namespace peft {

namespace {

constexpr int64_t maximum_source_bytes = 1 << 20;
constexpr int64_t render_seconds = 10;

void check_messages(const Json& messages) {
  check(messages.is_array(), Code::invalid_argument, "messages: expected an array, found {}",
        messages.type_name());
  for (size_t i = 0; i < messages.size(); ++i)
    check(messages[i].is_object(), Code::invalid_argument, "messages[{}]: expected an object, found {}", i,
          messages[i].type_name());
}

bool is_assistant(const Json& message) {
  const auto role = message.find("role");
  return role != message.end() && role->is_string() && *role == "assistant";
}

// One JSON text of the first `count` messages. Written, not copied: values of the JSON library take memory
// even when they are destroyed, where running out of it cannot be reported.
std::string messages_text(const Json& messages, size_t count) {
  std::string text = "[";
  for (size_t i = 0; i < count; ++i) text += (i > 0 ? "," : "") + dump_json(messages[i]);
  return text + "]";
}

std::string quoted_text(const std::string& text) { return dump_json(Json(text)); }

// The object of all variables; the caller's win.
std::string variables_text(const std::string& messages, bool add_generation_prompt,
                           const ChatOptions& options) {
  const std::pair<const char*, std::string> standard[] = {
      {"messages", messages},
      {"add_generation_prompt", add_generation_prompt ? "true" : "false"},
      {"bos_token", quoted_text(options.bos_token)},
      {"eos_token", quoted_text(options.eos_token)},
      {"tools", "null"},
      {"documents", "null"},
  };
  std::string text = "{";
  for (const auto& [key, value] : standard)
    if (!options.variables.contains(key)) text += (text.size() > 1 ? ",\"" : "\"") + (key + ("\":" + value));
  for (auto entry = options.variables.begin(); entry != options.variables.end(); ++entry)
    text += (text.size() > 1 ? "," : "") + quoted_text(entry.key()) + ":" + dump_json(entry.value());
  return text + "}";
}

}  // namespace

std::shared_ptr<const ChatTemplate> ChatTemplate::compile(std::string_view source, const Limits& limits) {
  return std::shared_ptr<const ChatTemplate>(new ChatTemplate(source, limits));
}

ChatTemplate::ChatTemplate(std::string_view source, const Limits& limits) : source_(source), limits_(limits) {
  check(static_cast<int64_t>(source.size()) <= maximum_source_bytes, Code::limit,
        "chat template: expected at most {} bytes, found {}", maximum_source_bytes, source.size());
  textrs_template* handle = nullptr;
  BridgeBytes message;
  check_bridge(textrs_template_new(bytes_of(source), source.size(), &handle, message.out()), message);
  handle_ = std::shared_ptr<textrs_template>(handle, BridgeDeleter());
}

std::string ChatTemplate::render(const Json& messages, const ChatOptions& options) const {
  check_messages(messages);
  return render_first(messages, messages.size(), options.add_generation_prompt, options);
}

std::string ChatTemplate::render_first(const Json& messages, size_t count, bool add_generation_prompt,
                                       const ChatOptions& options) const {
  check(options.variables.is_object(), Code::invalid_argument,
        "template variables: expected an object, found {}", options.variables.type_name());
  const std::string text = variables_text(messages_text(messages, count), add_generation_prompt, options);
  check(static_cast<int64_t>(text.size()) <= limits_.text_bytes, Code::limit,
        "chat: expected at most {} bytes, found {}", limits_.text_bytes, text.size());

  const textrs_template_limits limits = {
      .fuel = limits_.template_fuel,
      .output_bytes = limits_.template_output_bytes,
      .seconds = render_seconds,
      .now = options.now != 0 ? options.now : static_cast<int64_t>(std::time(nullptr)),
  };
  BridgeBytes result, message;
  const auto* handle = static_cast<const textrs_template*>(handle_.get());
  check_bridge(
      textrs_template_render(handle, bytes_of(text), text.size(), &limits, result.out(), message.out()),
      message);
  return result.string();
}

MaskedChat ChatTemplate::render_with_mask(const Json& messages, const ChatOptions& options) const {
  check_messages(messages);
  ChatOptions fixed = options;
  if (fixed.now == 0) fixed.now = static_cast<int64_t>(std::time(nullptr));  // the same in all renders
  const size_t count = messages.size();
  MaskedChat chat;
  chat.text = render_first(messages, count, /*add_generation_prompt=*/false, fixed);
  for (size_t i = 0; i < count; ++i) {
    if (!is_assistant(messages[i])) continue;
    const std::string before = render_first(messages, i, /*add_generation_prompt=*/true, fixed);
    const std::string after = i + 1 < count ? render_first(messages, i + 1, false, fixed) : chat.text;
    check(after.starts_with(before), Code::unsupported,
          "chat template: assistant turn {} does not begin with its generation prompt, so its text cannot be "
          "told apart",
          i);
    check(chat.text.starts_with(after), Code::unsupported,
          "chat template: the text up to turn {} changes when later turns follow, so its text cannot be told "
          "apart",
          i);
    chat.assistant.push_back({static_cast<int64_t>(before.size()), static_cast<int64_t>(after.size())});
  }
  return chat;
}

}  // namespace peft
