#include <cmath>
#include <optional>

#include <fmt/format.h>
#include <CLI/App.hpp>

#include "api.h"
#include "card.h"
#include "command.h"
#include "estimate_job.h"
#include "files.h"
#include "interrupt.h"
#include "run_folder.h"
#include "train_report.h"
#include "train_settings.h"

namespace peft_cli {
namespace {

class Train final : public Command {
 public:
  explicit Train(CLI::App& app) : Command(app) {
    train_.add(settings_);
    settings_.flag("resume", resume_, "go on from the newest complete checkpoint in the output folder",
                   {"resume_from_checkpoint"});
    settings_.flag("overwrite", overwrite_, "remove another run from the output folder",
                   {"overwrite_output_dir"});
    settings_.integer("log-steps", log_steps_, 1, 1000000,
                      "a line every so many steps where there is no terminal",
                      {"logging_steps", "steps_per_report"});
    settings_.word("report-to", report_to_, {"none", "tensorboard"}, "scalars in runs/ of the output folder");
    for (const char* name : {"resume", "overwrite"}) settings_.leave_out_of_resolved(name);
    settings_.common(/*with_config=*/true);
  }

  int run() override {
    settings_.require({"model", "data", "output-dir"});
    train_.resolve(settings_);
    const RunFolder folder(train_.output_dir);
    folder.check(resume_, overwrite_);
    const Context context = make_context(train_.model);
    check_device(context.get());
    const DataFiles files = find_data(train_.data);
    if (files.train.empty())
      throw CommandError(fmt::format("{}: there is no train.jsonl in the folder", train_.data));
    const std::string eval_path = train_.eval_data.empty() ? files.valid : eval_file();
    if (eval_path.empty() && train_.early_stopping_patience > 0)
      throw UsageError("--early-stopping-patience needs --eval-data");

    const Tokenizer tokenizer = load_tokenizer(context.get(), train_.model);
    const Dataset rows = train_.rows.load(context.get(), tokenizer.get(), files.train);
    const Dataset eval_rows =
        eval_path.empty() ? Dataset() : train_.rows.load(context.get(), tokenizer.get(), eval_path);
    peft_trainer_options options = train_.trainer(eval_rows.get());
    const peft_estimate_result estimate = estimate_training(context.get(), train_, rows.get(), options);
    if (!estimate.fits)
      warn("memory: " + memory_text(estimate) +
           "; --activation-memory auto, --optimizer-memory auto and a smaller --batch-size need less");

    const Model model = load_model(context.get(), train_.model, /*without_tokenizer=*/true);
    const Adapter adapter = attach(model.get());
    folder.prepare(overwrite_);
    const Trainer trainer =
        make<Trainer>(peft_trainer_create, model.get(), adapter.get(), rows.get(), &options);
    TrainReport report(folder, log_steps_);
    const int64_t resumed_step = resume_ ? resume(trainer.get(), folder) : -1;
    const peft_trainer_info start = info_of_trainer(trainer.get());

    say(fmt::format("peft train · {} · {} · {}", title_of(model.get(), train_.model),
                    method_text(adapter.get()), device_text(info_of(model.get()).device)));
    const std::string data_summary = data_text(files.train, rows.get());
    say("data   " + data_summary);
    if (eval_rows) say("eval   " + data_text(eval_path, eval_rows.get()));
    say("plan   " + plan_text(train_, start, info_of(model.get())));
    say("memory " + memory_text(estimate));

    // A run that is finished shows so at its first event, and then nothing may change.
    auto event = empty_result<peft_step_result>();
    peft_status status = peft_trainer_next(trainer.get(), interrupt_token(), &event);
    const bool finished_before = status == PEFT_END && resumed_step >= 0;
    if (finished_before && folder.has_adapter()) {
      say(fmt::format("finished: step {} was the last; nothing is left to do", start.step));
      put_json("finished", start, report, estimate);
      return exit_done;
    }
    report.cut_back(std::max<int64_t>(0, resumed_step));
    folder.write_config(settings_.resolved());
    if (tokenizer) call(peft_tokenizer_save(tokenizer.get(), folder.path().c_str()));

    if (report_to_ == "tensorboard") report.write_events(folder.path());
    for (;;) {
      if (status == PEFT_E_CANCELLED && interrupted())
        return save_and_stop(trainer.get(), folder, report, estimate);
      call(status);
      report.take(event, folder.path());
      if (status == PEFT_END) break;
      event = empty_result<peft_step_result>();
      status = peft_trainer_next(trainer.get(), interrupt_token(), &event);
    }
    report.end();
    call(peft_adapter_save(adapter.get(), folder.path().c_str(), nullptr));
    const peft_trainer_info end = info_of_trainer(trainer.get());
    if (folder.may_write_card())
      write_file(folder.file("README.md"), card_text(train_, adapter.get(), data_summary, end));
    say_end(end, report, folder);
    put_json("finished", end, report, estimate);
    return exit_done;
  }

 private:
  // What a GPU lacks is said before the data is read, which may take minutes. No call asks for a device alone: an
  // estimate looks for it first, and two tokens cost it nothing.
  void check_device(const peft_context* context) const {
    if (train_.model.device == "cpu" || train_.model.device == "auto") return;
    const peft_model_options model = model_options(train_.model);
    auto options = defaults(peft_estimate_options_init);
    options.job = PEFT_JOB_GENERATE;
    options.model_options = &model;
    options.sequence_length = 2;
    auto unused = empty_result<peft_estimate_result>();
    call(peft_estimate(context, train_.model.model.c_str(), &options, &unused));
  }

  static peft_trainer_info info_of_trainer(const peft_trainer* trainer) {
    auto info = empty_result<peft_trainer_info>();
    call(peft_trainer_get_info(trainer, &info));
    return info;
  }

  std::string eval_file() const {
    const DataFiles files = find_data(train_.eval_data);
    if (!is_folder(train_.eval_data)) return files.train;
    const std::string path = files.valid.empty() ? files.test : files.valid;
    if (path.empty())
      throw CommandError(fmt::format("{}: there is no valid.jsonl in the folder", train_.eval_data));
    return path;
  }

  Adapter attach(const peft_model* model) const {
    if (!train_.init_adapter.empty()) return load_adapter(model, train_.init_adapter, /*trainable=*/true);
    if (const std::optional<std::string> config = train_.adapter_config_text()) {
      auto options = defaults(peft_adapter_options_init);
      options.seed = train_.seed;
      options.cancel = interrupt_token();
      return make<Adapter>(peft_attach, model, "default", config->data(), config->size(), &options);
    }
    const peft_lora_config lora = train_.lora();
    return make<Adapter>(peft_attach_lora, model, "default", &lora);
  }

  // The step that the training goes on after, or -1 when it starts anew.
  static int64_t resume(peft_trainer* trainer, const RunFolder& folder) {
    if (folder.has_checkpoints()) {
      const peft_status status = peft_trainer_resume(trainer, folder.path().c_str());
      if (status != PEFT_E_NOT_FOUND) {
        call(status);
        const int64_t step = info_of_trainer(trainer).step;
        say(fmt::format("resuming after step {}", step));
        return step;
      }
    }
    say(fmt::format("{}: no complete checkpoint there, starting anew", folder.path()));
    return -1;
  }

  int save_and_stop(peft_trainer* trainer, const RunFolder& folder, TrainReport& report,
                    const peft_estimate_result& estimate) const {
    report.end();
    const peft_trainer_info info = info_of_trainer(trainer);
    if (info.step == 0) {
      warn("interrupted before the first step: there is nothing to save");
    } else {
      if (info.checkpoint_step != info.step) call(peft_trainer_checkpoint(trainer, nullptr, nullptr));
      warn(fmt::format("interrupted after step {}: saved {}; go on with --resume", info.step,
                       folder.file(fmt::format("checkpoint-{}", info.step))));
    }
    put_json("interrupted", info, report, estimate);
    return exit_interrupted;
  }

  void put_json(const char* status, const peft_trainer_info& info, const TrainReport& report,
                const peft_estimate_result& estimate) const {
    if (!settings_.json()) return;
    Json result = Json::object();
    result["status"] = status;
    result["output_dir"] = train_.output_dir;
    result["step"] = info.step;
    result["total_steps"] = info.total_steps;
    result["epoch"] = info.epoch;
    result["loss"] = info.last_loss;
    result["best_eval_loss"] = info.best_step >= 0 ? Json(info.best_eval_loss) : Json();
    result["best_step"] = info.best_step >= 0 ? Json(info.best_step) : Json();
    result["skipped_steps"] = info.skipped_steps;
    result["tokens"] = info.tokens;
    result["trainable_elements"] = info.trainable_elements;
    result["seconds"] = report.seconds();
    result["tokens_per_second"] =
        report.seconds() > 0 ? static_cast<double>(report.tokens()) / report.seconds() : 0.0;
    result["peak_memory_bytes"] = report.peak_bytes();
    result["estimated_peak_bytes"] = estimate.peak_bytes;
    put_result(result);
  }

  void say_end(const peft_trainer_info& info, const TrainReport& report, const RunFolder& folder) const {
    const double speed = report.seconds() > 0 ? static_cast<double>(report.tokens()) / report.seconds() : 0;
    say(fmt::format(
        "done   {} steps, {} tokens, {} tok/s, peak {}, loss {}{}", info.step, with_commas(info.tokens),
        with_commas(std::llround(speed)), bytes_text(report.peak_bytes()), number_text(report.mean_loss(), 4),
        info.best_step >= 0
            ? fmt::format(", best evaluation loss {:.4f} at step {}", info.best_eval_loss, info.best_step)
            : ""));
    if (info.skipped_steps > 0)
      warn(fmt::format("{} steps were skipped: their loss or gradient was not finite", info.skipped_steps));
    say(fmt::format("saved  {}", folder.path()));
    say("next:");
    const std::string with = fmt::format("--model {} --adapter {}", train_.model.model, folder.path());
    say(fmt::format("  peft chat {}", with));
    say(fmt::format("  peft eval {} --data {} --exact-match", with, train_.data));
    say(fmt::format(
        "  peft merge {} --output {}-merged --dtype float32", with,
        folder.path().ends_with('/') ? folder.path().substr(0, folder.path().size() - 1) : folder.path()));
  }

  TrainSettings train_;
  bool resume_ = false, overwrite_ = false;
  std::string report_to_ = "none";
  int64_t log_steps_ = 10;
};

}  // namespace

std::unique_ptr<Command> make_train(CLI::App& app) { return std::make_unique<Train>(app); }

}  // namespace peft_cli
