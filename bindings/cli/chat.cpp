#include <unistd.h>

#include <iostream>

#include <fmt/format.h>
#include <CLI/App.hpp>

#include "answer.h"
#include "command.h"
#include "interrupt.h"
#include "terminal.h"

namespace peft_cli {
namespace {

// Reads lines from stdin; the session keeps what it holds of the conversation from one answer to the next.
class Chat final : public Command {
 public:
  explicit Chat(CLI::App& app) : Command(app) {
    model_.add(settings_);
    model_.add_adapter(settings_);
    settings_.text("system", system_, "system message at the beginning");
    sampling_.max_new_tokens = 1024;
    sampling_.add(settings_);
    arithmetic_.add_compute_dtype(settings_);
    arithmetic_.add_activations(settings_);
    settings_.common(/*with_config=*/true);
  }

  int run() override {
    settings_.require({"model"});
    const Context context = make_context(model_);
    const Model model = load_model(context.get(), model_);
    const Adapter adapter = load_adapter(model.get(), model_.adapter);
    const Session session = make_session(model.get(), adapter.get(), arithmetic_);
    quit_when_idle();
    const bool asks = isatty(STDIN_FILENO) && !settings_.json();
    if (asks)
      say(fmt::format("{} · /reset begins anew, /exit ends; Ctrl-C stops an answer",
                      title_of(model.get(), model_)));
    Json messages = beginning();
    for (std::string line; ask(asks), std::getline(std::cin, line);) {
      if (line == "/exit" || line == "/quit") break;
      if (line == "/reset") {
        messages = beginning();
        continue;
      }
      if (line.find_first_not_of(" \t\r") == line.npos) continue;
      messages.push_back({{"role", "user"}, {"content", line}});
      messages.push_back({{"role", "assistant"}, {"content", answer(session.get(), messages)}});
    }
    if (asks) put("\n");
    return exit_done;
  }

 private:
  Json beginning() const {
    Json messages = Json::array();
    if (!system_.empty()) messages.push_back({{"role", "system"}, {"content", system_}});
    return messages;
  }

  static void ask(bool asks) {
    if (asks) put("> ");
  }

  // A Ctrl-C keeps what was said until then.
  std::string answer(peft_session* session, const Json& messages) const {
    const AnswerScope scope;
    std::string text;
    const bool json = settings_.json();
    try {
      sampling_.apply(session, scope.token());
      auto options = defaults(peft_prefill_options_init);
      options.cancel = scope.token();
      const std::string dump = messages.dump(-1, ' ', false, Json::error_handler_t::replace);
      call(peft_session_prefill_chat(session, dump.data(), dump.size(), &options));
      const Answer made = read_answer(session, /*has_text=*/true, [&](std::string_view piece) {
        text += piece;
        if (!json) put(piece);
      });
      if (json)
        put_result({{"token_ids", made.token_ids},
                    {"text", made.text},
                    {"finish_reason", name_of(made.finish_reason)}});
    } catch (const ApiError& error) {
      if (error.status() != PEFT_E_CANCELLED) throw;
      if (!json) put(" ...");
    }
    if (!json) put("\n");
    return text;
  }

  ModelSettings model_;
  SamplingSettings sampling_;
  ArithmeticSettings arithmetic_;
  std::string system_;
};

}  // namespace

std::unique_ptr<Command> make_chat(CLI::App& app) { return std::make_unique<Chat>(app); }

}  // namespace peft_cli
