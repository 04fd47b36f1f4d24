#include <limits>

#include <fmt/format.h>
#include <CLI/App.hpp>

#include "command.h"
#include "exact_match.h"
#include "files.h"
#include "interrupt.h"
#include "terminal.h"
#include "train_report.h"
#include "train_settings.h"

namespace peft_cli {
namespace {

// The figures of the model with or without the adapter.
struct Outcome {
  peft_evaluate_result loss = empty_result<peft_evaluate_result>();
  ExactMatch match;
};

class Eval final : public Command {
 public:
  explicit Eval(CLI::App& app) : Command(app) {
    constexpr int64_t any = std::numeric_limits<int64_t>::max();
    model_.add(settings_);
    model_.add_adapter(settings_);
    settings_.text("data", data_, "rows: a file, or a folder whose test.jsonl (else valid.jsonl) is taken",
                   {"d"});
    rows_.add(settings_);
    settings_.integer("batch-size", batch_size_, 1, std::numeric_limits<int32_t>::max(), "rows at a time",
                      {"per_device_eval_batch_size", "eval_batch_size"});
    settings_.flag("exact-match", exact_match_,
                   "also answer every row greedily and count the answers that are right");
    settings_.flag("base", base_, "with an adapter: also the model without it");
    settings_.flag("loss", loss_, "loss and perplexity");
    settings_.integer("max-rows", max_rows_, 0, any, "most rows to answer; 0: all");
    settings_.integer("show", show_, 0, 1000, "answers to show side by side");
    arithmetic_.add_compute_dtype(settings_);
    arithmetic_.add_activations(settings_);
    settings_.common(/*with_config=*/true);
  }

  int run() override {
    settings_.require({"model", "data"});
    const std::string path = file();
    const Context context = make_context(model_);
    const Model model = load_model(context.get(), model_);
    const Tokenizer tokenizer = tokenizer_of(model.get());
    const Dataset rows = rows_.load(context.get(), tokenizer.get(), path);
    const Adapter adapter = load_adapter(model.get(), model_.adapter);
    say(fmt::format("peft eval · {}{}", title_of(model.get(), model_),
                    adapter ? " · " + method_text(adapter.get()) : ""));
    say("data   " + data_text(path, rows.get()));
    std::vector<HeldOutRow> held_out;
    if (exact_match_) held_out = held_out_rows(rows.get(), tokenizer.get(), max_rows_);
    if (exact_match_ && held_out.empty())
      throw CommandError(path + ": no row has a prompt and an answer, which --exact-match needs");
    const bool both = adapter && base_;
    Outcome before, after;
    if (!adapter || both)
      before =
          measure(model.get(), nullptr, rows.get(), held_out, tokenizer != nullptr, both ? "before" : "");
    if (adapter)
      after = measure(model.get(), adapter.get(), rows.get(), held_out, tokenizer != nullptr,
                      both ? "after" : "");
    const Outcome* base = !adapter || both ? &before : nullptr;
    const Outcome* with = adapter ? &after : nullptr;
    show_answers(held_out, base, with);
    say_match(held_out, base, with);
    if (settings_.json()) put_json(held_out, base, with);
    return exit_done;
  }

 private:
  std::string file() const {
    if (!is_folder(data_)) return data_;
    const DataFiles files = find_data(data_);
    const std::string path = files.test.empty() ? files.valid : files.test;
    if (path.empty())
      throw CommandError(fmt::format("{}: there is no test.jsonl and no valid.jsonl in the folder", data_));
    return path;
  }

  Outcome measure(const peft_model* model, const peft_adapter* adapter, const peft_dataset* rows,
                  const std::vector<HeldOutRow>& held_out, bool has_text, const std::string& label) const {
    Outcome outcome;
    if (loss_) {
      auto options = defaults(peft_evaluate_options_init);
      const peft_adapter* const active[] = {adapter};
      options.batch_size = static_cast<int32_t>(batch_size_);
      options.adapter_count = adapter ? 1 : 0;
      options.adapters = adapter ? active : nullptr;
      options.compute_dtype = arithmetic_.dtype();
      options.cancel = interrupt_token();
      call(peft_evaluate(model, rows, &options, &outcome.loss));
      const peft_evaluate_result& loss = outcome.loss;
      say(fmt::format(
          "{:<7}loss {}  perplexity {}  token accuracy {}  {} rows  {} tokens with a loss  {:.0f} tok/s",
          label.empty() ? "loss" : label, number_text(loss.loss, 4), number_text(loss.perplexity, 3),
          percent_text(loss.token_accuracy), loss.rows, with_commas(loss.loss_tokens),
          loss.tokens_per_second));
    }
    if (!held_out.empty())
      outcome.match =
          exact_match(model, adapter, arithmetic_, held_out, has_text, label.empty() ? "answering" : label);
    return outcome;
  }

  void show_answers(const std::vector<HeldOutRow>& rows, const Outcome* base, const Outcome* with) const {
    constexpr size_t width = 100;
    const size_t count = std::min(rows.size(), static_cast<size_t>(show_));
    for (size_t i = 0; i < count; ++i) {
      // The end of a prompt is what differs from row to row.
      const std::string prompt = rows[i].prompt_text.empty()
                                     ? fmt::format("{}", fmt::join(rows[i].prompt, ","))
                                     : last_message(rows[i].prompt_text);
      say("");
      say("  prompt    " + one_line(prompt, width));
      say("  expected  " + one_line(rows[i].expected_text.empty()
                                        ? fmt::format("{}", fmt::join(rows[i].expected, ","))
                                        : rows[i].expected_text,
                                    width));
      if (base) say_answer(with ? "before" : "answer", base->match.answers[i], width);
      if (with) say_answer(base ? "after" : "answer", with->match.answers[i], width);
    }
    if (count > 0) say("");
  }

  static void say_answer(const char* label, const MatchedAnswer& answer, size_t width) {
    say(fmt::format("  {:<10}{}{}", label, one_line(answer.text, width), answer.matches ? "   right" : ""));
  }

  // Templates open a message by a special token and its role; the text of the last user's one is shown where
  // it can be told apart, else all.
  static std::string last_message(const std::string& prompt) {
    const size_t user = prompt.rfind("user\n");
    if (user == prompt.npos) return prompt;
    const std::string rest = prompt.substr(user + 5);
    const size_t end = rest.find("<|");
    return rest.substr(0, end);
  }

  static void say_match(const std::vector<HeldOutRow>& rows, const Outcome* base, const Outcome* with) {
    if (rows.empty()) return;
    if (base && with) {
      say(fmt::format("exact match: before {}  after {}  ({} held-out rows)",
                      percent_text(base->match.share()), percent_text(with->match.share()), rows.size()));
    } else {
      say(fmt::format("exact match: {}  ({} held-out rows)",
                      percent_text((with ? with : base)->match.share()), rows.size()));
    }
  }

  Json json_of(const Outcome& outcome) const {
    Json json = Json::object();
    if (loss_) {
      json["loss"] = outcome.loss.loss;
      json["perplexity"] = outcome.loss.perplexity;
      json["nll"] = outcome.loss.nll;
      json["token_accuracy"] = outcome.loss.token_accuracy;
      json["rows"] = outcome.loss.rows;
      json["tokens"] = outcome.loss.tokens;
      json["loss_tokens"] = outcome.loss.loss_tokens;
      json["seconds"] = outcome.loss.seconds;
      json["tokens_per_second"] = outcome.loss.tokens_per_second;
    }
    if (exact_match_) {
      json["exact_match"] = outcome.match.share();
      json["matches"] = outcome.match.matches;
      json["answered_rows"] = outcome.match.answers.size();
    }
    return json;
  }

  // The figures of what was asked for at the top; the model without the adapter in "base".
  void put_json(const std::vector<HeldOutRow>& rows, const Outcome* base, const Outcome* with) const {
    Json result = json_of(with ? *with : *base);
    if (base && with) result["base"] = json_of(*base);
    if (exact_match_) {
      Json answers = Json::array();
      for (size_t i = 0; i < rows.size(); ++i) {
        Json answer = Json::object();
        if (!rows[i].prompt_text.empty()) {
          answer["prompt"] = rows[i].prompt_text;
          answer["expected"] = rows[i].expected_text;
        } else {
          answer["prompt_ids"] = rows[i].prompt;
          answer["expected_ids"] = rows[i].expected;
        }
        const MatchedAnswer& made = (with ? with : base)->match.answers[i];
        answer["answer"] = made.text;
        answer["matches"] = made.matches;
        if (base && with) answer["base_answer"] = base->match.answers[i].text;
        answers.push_back(std::move(answer));
      }
      result["answers"] = std::move(answers);
    }
    put_result(result);
  }

  ModelSettings model_;
  DataSettings rows_;
  ArithmeticSettings arithmetic_;
  std::string data_;
  int64_t batch_size_ = 2, max_rows_ = 0, show_ = 5;
  bool exact_match_ = false, base_ = true, loss_ = true;
};

}  // namespace

std::unique_ptr<Command> make_eval(CLI::App& app) { return std::make_unique<Eval>(app); }

}  // namespace peft_cli
