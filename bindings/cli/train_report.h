// What a training tells: the banner before it, the progress while it runs, metrics.jsonl.
#pragma once

#include <chrono>
#include <deque>
#include <memory>
#include <string>

#include "api.h"
#include "event_file.h"
#include "run_folder.h"
#include "terminal.h"
#include "train_settings.h"

namespace peft_cli {

// "LoRA r16 alpha 32"
std::string method_text(const peft_adapter* adapter);
// "train.jsonl: chat, 480 rows ..."
std::string data_text(const std::string& path, const peft_dataset* rows);
std::string memory_text(const peft_estimate_result& estimate);
// "3 epochs, 180 steps ..."
std::string plan_text(const TrainSettings& settings, const peft_trainer_info& trainer,
                      const peft_model_info& model);

class TrainReport {
 public:
  TrainReport(const RunFolder& folder, int64_t log_steps)
      : metrics_(folder.file("metrics.jsonl")),
        evaluations_(folder.file("evaluations.jsonl")),
        log_steps_(log_steps) {}

  // Scalars for TensorBoard too, from the first event on.
  void write_events(const std::string& folder) { events_ = std::make_unique<EventFile>(folder); }
  // On --resume: the files go on after this step.
  void cut_back(int64_t step) const;
  void take(const peft_step_result& event, const std::string& folder);
  void end() { line_.clear(); }

  // Sums over the steps of this process.
  int64_t tokens() const { return tokens_; }
  double seconds() const { return seconds_; }
  int64_t steps() const { return steps_; }
  int64_t peak_bytes() const { return peak_bytes_; }
  double mean_loss() const;  // of the last steps; NaN before the first

 private:
  void take_step(const peft_step_result& event);
  void take_evaluation(const peft_step_result& event);
  std::string step_text(const peft_step_result& event) const;

  JsonLines metrics_, evaluations_;
  std::unique_ptr<EventFile> events_;
  int64_t log_steps_;
  ProgressLine line_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::deque<double> losses_;
  int64_t tokens_ = 0, steps_ = 0, peak_bytes_ = 0;
  double seconds_ = 0;
};

}  // namespace peft_cli
