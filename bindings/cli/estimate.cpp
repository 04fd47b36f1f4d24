#include <limits>

#include <fmt/format.h>
#include <CLI/App.hpp>

#include "command.h"
#include "estimate_job.h"
#include "interrupt.h"
#include "terminal.h"
#include "train_settings.h"

namespace peft_cli {
namespace {

class Estimate final : public Command {
 public:
  explicit Estimate(CLI::App& app) : Command(app) {
    settings_.word("job", job_, {"train", "generate"}, "what is estimated");
    settings_.integer("sessions", sessions_, 1, std::numeric_limits<int32_t>::max(),
                      "generate: sessions at once");
    train_.add(settings_);
    train_.arithmetic.add_activations(settings_);
    settings_.common(/*with_config=*/true);
  }

  int run() override {
    settings_.require({"model"});
    train_.resolve(settings_);
    train_.output_dir.clear();  // nothing is written
    const Context context = make_context(train_.model);
    Dataset rows;
    if (!train_.data.empty() && job_ == "train") {
      const Tokenizer tokenizer = load_tokenizer(context.get(), train_.model);
      rows = train_.rows.load(context.get(), tokenizer.get(), find_data(train_.data).train);
    }
    const peft_trainer_options trainer = train_.trainer(nullptr);
    const peft_estimate_result result =
        job_ == "train" ? estimate_training(context.get(), train_, rows.get(), trainer)
                        : estimate_generation(context.get(), train_, static_cast<int32_t>(sessions_));
    if (settings_.json()) {
      put_json(result);
    } else {
      show(result);
    }
    return exit_done;
  }

 private:
  void show(const peft_estimate_result& result) const {
    const auto row = [](const char* name, int64_t bytes) {
      if (bytes != 0) say(fmt::format("  {:<12}{:>12}", name, bytes_text(bytes)));
    };
    say(fmt::format("peft estimate · {} · {}", train_.model.model, job_));
    row("weights", result.weight_bytes);
    row("adapter", result.adapter_bytes);
    row("gradients", result.gradient_bytes);
    row("optimizer", result.optimizer_bytes);
    row("activations", result.activation_bytes);
    row("cache", result.cache_bytes);
    row("workspace", result.workspace_bytes);
    row("baseline", result.baseline_bytes);
    row("peak", result.peak_bytes);
    row("free", result.available_bytes);
    row("on the host", result.host_bytes);
    row("loading", result.loading_bytes);
    if (result.trainable_elements > 0)
      say(fmt::format("{} of {} parameters train", short_count(result.trainable_elements),
                      short_count(result.parameter_elements)));
    if (result.tokens_per_step > 0)
      say(fmt::format("{} tokens and {:.1f} GFLOP a step at most", with_commas(result.tokens_per_step),
                      1e-9 * result.flops_per_step));
    say(result.fits ? "it fits" : "it does not fit");
  }

  static void put_json(const peft_estimate_result& result) {
    Json json = Json::object();
    json["fits"] = result.fits != 0;
    json["peak_bytes"] = result.peak_bytes;
    json["weight_bytes"] = result.weight_bytes;
    json["loading_bytes"] = result.loading_bytes;
    json["adapter_bytes"] = result.adapter_bytes;
    json["gradient_bytes"] = result.gradient_bytes;
    json["optimizer_bytes"] = result.optimizer_bytes;
    json["activation_bytes"] = result.activation_bytes;
    json["cache_bytes"] = result.cache_bytes;
    json["workspace_bytes"] = result.workspace_bytes;
    json["baseline_bytes"] = result.baseline_bytes;
    json["available_bytes"] = result.available_bytes;
    json["trainable_elements"] = result.trainable_elements;
    json["parameter_elements"] = result.parameter_elements;
    json["tokens_per_step"] = result.tokens_per_step;
    json["flops_per_step"] = result.flops_per_step;
    json["host_bytes"] = result.host_bytes;
    put_result(json);
  }

  TrainSettings train_;
  std::string job_ = "train";
  int64_t sessions_ = 1;
};

}  // namespace

std::unique_ptr<Command> make_estimate(CLI::App& app) { return std::make_unique<Estimate>(app); }

}  // namespace peft_cli
