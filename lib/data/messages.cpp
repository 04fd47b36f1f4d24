#include "data/messages.h"

#include "base/error.h"

namespace peft {
namespace {

struct Sender {
  const char* name;
  const char* role;
};

// ShareGPT's names of senders.
constexpr Sender senders[] = {
    {"human", "user"},          {"user", "user"},        {"gpt", "assistant"},
    {"assistant", "assistant"}, {"model", "assistant"},  {"bot", "assistant"},
    {"chatgpt", "assistant"},   {"system", "system"},    {"function_call", "assistant"},
    {"tool", "tool"},           {"observation", "tool"}, {"function_response", "tool"},
};

std::string role_of_sender(const std::string& sender, const std::string& where) {
  for (const Sender& known : senders)
    if (sender == known.name) return known.role;
  fail(Code::format, "{}: field 'from': expected \"human\", \"gpt\", \"system\" or \"tool\", found \"{}\"",
       where, sender.substr(0, 40));
}

// Content as parts, [{"type": "text", "text": ...}], as one text.
std::string joined_parts(const Json& parts, const std::string& where) {
  std::string text;
  for (const Json& part : parts) {
    if (part.is_string()) {
      text += part.get_ref<const std::string&>();
      continue;
    }
    const JsonFields fields(part, where + ": part of 'content'");
    const std::string type = fields.string_or("type", "text");
    check(type == "text", Code::unsupported,
          "{}: a part of 'content' is of type \"{}\", only text can be trained on", where,
          type.substr(0, 40));
    text += fields.string("text");
  }
  return text;
}

Json message_of(const Json& entry, const std::string& where) {
  const JsonFields fields(entry, where);
  Json message = entry;
  if (fields.has("from") && !fields.has("role")) {
    message = {{"role", role_of_sender(fields.string("from"), where)}, {"content", fields.string("value")}};
    return message;
  }
  check(!fields.string("role").empty(), Code::format, "{}: field 'role': expected a name, found nothing",
        where);
  const Json* content = fields.find("content");
  if (content && content->is_array()) {
    message["content"] = joined_parts(*content, where);
  } else if (content || !fields.has("tool_calls")) {
    fields.string("content");  // a call of a tool alone needs no content
  }
  return message;
}

}  // namespace

Conversation conversation_of(const Json& row, const std::string& where) {
  const JsonFields fields(row, where);
  const char* key = fields.has("messages") || !fields.has("conversations") ? "messages" : "conversations";
  const Json* list = fields.find(key);
  check(list && list->is_array(), Code::format, "{}: field '{}': expected an array of messages, found {}",
        where, key, list ? list->type_name() : "nothing");
  Conversation conversation;
  for (size_t i = 0; i < list->size(); ++i)
    conversation.messages.push_back(message_of((*list)[i], fmt::format("{}: {}[{}]", where, key, i)));
  const bool has_system = !conversation.messages.empty() && conversation.messages[0]["role"] == "system";
  if (fields.has("system") && !has_system && !conversation.messages.empty()) {
    Json with_system = Json::array({Json{{"role", "system"}, {"content", fields.string("system")}}});
    for (Json& message : conversation.messages) with_system.push_back(std::move(message));
    conversation.messages = std::move(with_system);
  }
  if (const Json* tools = fields.find("tools")) {
    // Some files hold the tools as text.
    conversation.tools =
        tools->is_string() ? parse_json(tools->get_ref<const std::string&>(), where + ": tools") : *tools;
    check(conversation.tools.is_array(), Code::format, "{}: field 'tools': expected an array, found {}",
          where, conversation.tools.type_name());
    if (conversation.tools.empty()) conversation.tools = nullptr;
  }
  return conversation;
}

std::string instruction_prompt(const std::string& instruction, const std::string& input) {
  if (input.empty())
    return "Below is an instruction that describes a task. Write a response that appropriately completes the "
           "request."
           "\n\n### Instruction:\n" +
           instruction + "\n\n### Response:\n";
  return "Below is an instruction that describes a task, paired with an input that provides further context. "
         "Write a "
         "response that appropriately completes the request.\n\n### Instruction:\n" +
         instruction + "\n\n### Input:\n" + input + "\n\n### Response:\n";
}

}  // namespace peft
