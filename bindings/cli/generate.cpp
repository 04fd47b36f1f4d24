#include <charconv>
#include <cmath>

#include <fmt/format.h>
#include <CLI/App.hpp>

#include "answer.h"
#include "command.h"
#include "files.h"
#include "interrupt.h"
#include "terminal.h"

namespace peft_cli {
namespace {

constexpr size_t maximum_messages_bytes = size_t{64} << 20;

class Generate final : public Command {
 public:
  explicit Generate(CLI::App& app) : Command(app) {
    model_.add(settings_);
    model_.add_adapter(settings_);
    settings_.text("prompt", prompt_, "text to go on from, as it is", {"p"});
    settings_.text("messages", messages_,
                   "JSON file: an array of {role, content}; the chat template renders it");
    settings_.text("message", message_, "one message of the user, rendered by the chat template");
    settings_.text("system", system_, "system message before --message");
    settings_.text("token-ids", token_ids_, "tokens by commas to go on from, for models without a tokenizer");
    sampling_.add(settings_);
    arithmetic_.add_compute_dtype(settings_);
    arithmetic_.add_activations(settings_);
    settings_.common(/*with_config=*/true);
  }

  int run() override {
    settings_.require({"model"});
    int given = 0;
    for (const char* name : {"prompt", "messages", "message", "token-ids"})
      given += settings_.given(name) ? 1 : 0;
    if (given != 1) throw UsageError("one of --prompt, --messages, --message and --token-ids is needed");
    const std::vector<int32_t> ids = parse_ids();
    const std::string chat = settings_.given("messages")  ? read_messages()
                             : settings_.given("message") ? user_messages(system_, message_).dump()
                                                          : "";
    const Context context = make_context(model_);
    const Model model = load_model(context.get(), model_);
    const Adapter adapter = load_adapter(model.get(), model_.adapter);
    const Session session = make_session(model.get(), adapter.get(), arithmetic_);
    sampling_.apply(session.get(), interrupt_token());
    auto options = defaults(peft_prefill_options_init);
    options.cancel = interrupt_token();
    if (!chat.empty()) {
      const peft_status status = peft_session_prefill_chat(session.get(), chat.data(), chat.size(), &options);
      if (status == PEFT_E_FORMAT && settings_.given("messages"))
        throw ApiError(status, messages_ + ": " + last_error());
      call(status);
    } else if (settings_.given("token-ids")) {
      call(peft_session_prefill(session.get(), ids.data(), ids.size(), &options));
    } else {
      call(peft_session_prefill_text(session.get(), prompt_.data(), prompt_.size(), &options));
    }
    auto info = empty_result<peft_session_info>();
    call(peft_session_get_info(session.get(), &info));
    const bool has_text = info_of(model.get()).has_tokenizer;
    const bool stream = !settings_.json();
    const Answer answer = read_answer(session.get(), has_text, [&](std::string_view text) {
      if (stream) put(text);
    });
    if (settings_.json()) {
      put_json(answer, info.position);
    } else {
      if (!has_text) put(fmt::format("{}", fmt::join(answer.token_ids, ",")));
      put("\n");
    }
    warn(fmt::format(
        "{} tokens in, {:.0f} tok/s; {} tokens out, {:.1f} tok/s; first token after {:.2f} s; ended by {}",
        info.position, speed(static_cast<double>(info.position), answer.prefill_seconds),
        answer.token_ids.size(), decode_speed(answer), answer.first_token_seconds,
        name_of(answer.finish_reason)));
    return exit_done;
  }

 private:
  static double speed(double tokens, double seconds) { return seconds > 0 ? tokens / seconds : 0; }

  // The file's text, when it is what a chat template can be given.
  std::string read_messages() const {
    const std::string text = read_file(messages_, maximum_messages_bytes);
    Json messages;
    try {
      messages = Json::parse(text);
    } catch (const Json::exception& error) {
      throw CommandError(fmt::format("{}: malformed JSON: {}", messages_, error.what()));
    }
    if (!messages.is_array() || messages.empty())
      throw CommandError(fmt::format("{}: expected an array of messages, found {}", messages_,
                                     messages.is_array() ? "none in it" : messages.type_name()));
    for (size_t i = 0; i < messages.size(); ++i)
      check_message(messages[i], fmt::format("{}: message {}", messages_, i));
    return text;
  }

  static void check_message(const Json& message, const std::string& place) {
    if (!message.is_object())
      throw CommandError(fmt::format("{}: expected an object, found {}", place, message.type_name()));
    const auto kind_of = [&](const char* field) {
      return message.contains(field) ? message[field].type_name() : "nothing";
    };
    if (!message.contains("role") || !message["role"].is_string() || message["role"] == "")
      throw CommandError(fmt::format("{}: field 'role': expected a name, found {}", place, kind_of("role")));
    // A call of a tool may have none; a list holds parts, of which the template knows.
    const bool has_content = message.contains("content") && !message["content"].is_null();
    if (!has_content && message.contains("tool_calls")) return;
    if (!has_content || !(message["content"].is_string() || message["content"].is_array()))
      throw CommandError(
          fmt::format("{}: field 'content': expected a text, found {}", place, kind_of("content")));
  }

  std::vector<int32_t> parse_ids() const {
    std::vector<int32_t> ids;
    const char* at = token_ids_.data();
    const char* const end = at + token_ids_.size();
    while (at < end) {
      int32_t id = 0;
      const auto result = std::from_chars(at, end, id);
      if (result.ec != std::errc() || (result.ptr != end && *result.ptr != ','))
        throw UsageError(fmt::format("token-ids: expected whole numbers by commas, found '{}'", token_ids_));
      ids.push_back(id);
      at = result.ptr + 1;
    }
    if (settings_.given("token-ids") && ids.empty()) throw UsageError("token-ids: expected at least one");
    return ids;
  }

  void put_json(const Answer& answer, int64_t prompt_tokens) const {
    Json result = Json::object();
    result["token_ids"] = answer.token_ids;
    result["text"] = answer.text;
    result["finish_reason"] = name_of(answer.finish_reason);
    result["prompt_tokens"] = prompt_tokens;
    result["prefill_seconds"] = answer.prefill_seconds;
    result["decode_seconds"] = answer.decode_seconds;
    result["tokens_per_second"] = decode_speed(answer);
    result["first_token_seconds"] = answer.first_token_seconds;
    put_result(result);
  }

  ModelSettings model_;
  SamplingSettings sampling_;
  ArithmeticSettings arithmetic_;
  std::string prompt_, messages_, message_, system_, token_ids_;
};

}  // namespace

std::unique_ptr<Command> make_generate(CLI::App& app) { return std::make_unique<Generate>(app); }

}  // namespace peft_cli
