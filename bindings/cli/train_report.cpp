#include "train_report.h"

#include <cmath>
#include <limits>
#include <numeric>

#include <fmt/format.h>

#include "files.h"

namespace peft_cli {
namespace {

constexpr size_t smoothed_steps = 10;

std::string place_text(const peft_step_result& event) {
  if (event.total_steps <= 0) return fmt::format("step {}", event.step);
  const std::string total = std::to_string(event.total_steps);
  return fmt::format("step {:>{}}/{}", event.step, total.size(), total);
}

}  // namespace

std::string method_text(const peft_adapter* adapter) {
  const peft_adapter_info info = info_of(adapter);
  const std::string method = info.method;
  if (method == "LORA") return fmt::format("LoRA r{} alpha {:g}", info.r, info.lora_alpha);
  if (method == "PROMPT_TUNING") return fmt::format("prompt tuning, {} tokens", info.r);
  return method;
}

std::string data_text(const std::string& path, const peft_dataset* rows) {
  return fmt::format("{}: {}", base_name(path), info_of(rows).summary);
}

std::string memory_text(const peft_estimate_result& estimate) {
  const std::string host =
      estimate.host_bytes > 0 ? fmt::format(", {} pinned on the host", bytes_text(estimate.host_bytes)) : std::string();
  return fmt::format("{} estimated of {} free{}{}", bytes_text(estimate.peak_bytes),
                     bytes_text(estimate.available_bytes), host, estimate.fits ? "" : ": it will not fit");
}

std::string plan_text(const TrainSettings& settings, const peft_trainer_info& trainer,
                      const peft_model_info& model) {
  const std::string passes =
      settings.max_steps > 0 ? std::string() : fmt::format("{:g} epochs, ", settings.epochs);
  const double share = static_cast<double>(trainer.trainable_elements) /
                       static_cast<double>(std::max<int64_t>(1, model.parameter_elements));
  return fmt::format(
      "{}{} steps · batch {} x {} = {} rows · lr {:g} {} · {} of {} parameters train ({:.2f} %)", passes,
      trainer.total_steps, settings.batch_size, settings.grad_accum,
      settings.batch_size * settings.grad_accum, settings.learning_rate, settings.lr_scheduler,
      short_count(trainer.trainable_elements), short_count(model.parameter_elements), 100 * share);
}

void TrainReport::cut_back(int64_t step) const {
  metrics_.cut_back(step);
  evaluations_.cut_back(step);
}

double TrainReport::mean_loss() const {
  if (losses_.empty()) return std::numeric_limits<double>::quiet_NaN();
  return std::accumulate(losses_.begin(), losses_.end(), 0.0) / static_cast<double>(losses_.size());
}

void TrainReport::take(const peft_step_result& event, const std::string& folder) {
  peak_bytes_ = std::max(peak_bytes_, event.peak_memory_bytes);
  switch (event.kind) {
    case PEFT_EVENT_STEP:
      take_step(event);
      break;
    case PEFT_EVENT_EVALUATION:
      take_evaluation(event);
      break;
    case PEFT_EVENT_CHECKPOINT:
      line_.plain(fmt::format("{}  saved {}", place_text(event),
                              join(folder, fmt::format("checkpoint-{}", event.step))));
      break;
    case PEFT_EVENT_END:
      if (event.stopped_early) line_.plain(fmt::format("{}  stopped early", place_text(event)));
      break;
    case PEFT_EVENT_FORCE32:
      break;
  }
}

void TrainReport::take_step(const peft_step_result& event) {
  ++steps_;
  tokens_ += event.tokens;
  seconds_ += event.seconds;
  if (!event.skipped) losses_.push_back(event.loss);
  if (losses_.size() > smoothed_steps) losses_.pop_front();
  Json line = Json::object();
  line["step"] = event.step;
  line["loss"] = event.loss;
  line["learning_rate"] = event.learning_rate;
  line["grad_norm"] = event.grad_norm;
  line["tokens"] = event.tokens;
  line["tokens_per_second"] = event.tokens_per_second;
  line["peak_memory_bytes"] = event.peak_memory_bytes;
  line["epoch"] = event.epoch;
  line["loss_tokens"] = event.loss_tokens;
  if (event.skipped) line["skipped"] = true;
  metrics_.append(line);
  if (events_) {
    events_->scalar("train/loss", event.loss, event.step);
    events_->scalar("train/learning_rate", event.learning_rate, event.step);
    events_->scalar("train/grad_norm", event.grad_norm, event.step);
    events_->scalar("train/tokens_per_second", event.tokens_per_second, event.step);
    events_->scalar("train/epoch", event.epoch, event.step);
  }
  if (event.skipped) {
    line_.plain(fmt::format("{}  skipped: loss {}, gradient norm {}", place_text(event), event.loss,
                            event.grad_norm));
  } else if (line_.live()) {
    line_.show(step_text(event));
  }
  const bool stays =
      steps_ == 1 || event.step == event.total_steps || (log_steps_ > 0 && event.step % log_steps_ == 0);
  if (!event.skipped && stays && (!line_.live() || event.step == event.total_steps))
    line_.plain(step_text(event));
}

std::string TrainReport::step_text(const peft_step_result& event) const {
  const double elapsed = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  const auto left = static_cast<double>(event.total_steps - event.step);
  return fmt::format(
      "{}  ep {:.2f}  loss {}  lr {:.1e}  gn {}  {} tok/s  {}  {}<{}", place_text(event), event.epoch,
      number_text(mean_loss(), 3), event.learning_rate, number_text(event.grad_norm, 2),
      with_commas(std::llround(event.tokens_per_second)), bytes_text(event.peak_memory_bytes),
      duration_text(elapsed),
      event.total_steps > 0 ? duration_text(elapsed / static_cast<double>(steps_) * left) : "?");
}

void TrainReport::take_evaluation(const peft_step_result& event) {
  Json line = Json::object();
  line["step"] = event.step;
  line["eval_loss"] = event.eval_loss;
  line["perplexity"] = std::exp(event.eval_loss);
  line["seconds"] = event.seconds;
  line["best_step"] = event.best_step;
  evaluations_.append(line);
  if (events_) {
    events_->scalar("eval/loss", event.eval_loss, event.step);
    events_->scalar("eval/perplexity", std::exp(event.eval_loss), event.step);
  }
  line_.plain(fmt::format("{}  eval loss {}  ppl {}{}", place_text(event), number_text(event.eval_loss, 3),
                          number_text(std::exp(event.eval_loss), 2), event.is_best ? "  best" : ""));
}

}  // namespace peft_cli
