#include "card.h"

#include <fmt/format.h>

#include "files.h"
#include "train_report.h"

namespace peft_cli {

std::string card_text(const TrainSettings& settings, const peft_adapter* adapter,
                      const std::string& data_summary, const peft_trainer_info& trainer) {
  std::string text = "---\nlibrary_name: peft\ntags:\n- libpeft\n---\n\n";
  text += fmt::format("# Adapter for {}\n\n", base_name(settings.model.model));
  text += fmt::format("| | |\n|---|---|\n| method | {} |\n", method_text(adapter));
  text += fmt::format("| rows | {} |\n", data_summary);
  text +=
      fmt::format("| steps | {} ({:.2f} epochs, {} tokens) |\n", trainer.step, trainer.epoch, trainer.tokens);
  text += fmt::format("| last loss | {:.4f} |\n", trainer.last_loss);
  if (trainer.best_step >= 0)
    text += fmt::format("| lowest evaluation loss | {:.4f} at step {} |\n", trainer.best_eval_loss,
                        trainer.best_step);
  text += fmt::format("| learning rate | {:g}, {} |\n", settings.learning_rate, settings.lr_scheduler);
  text += fmt::format("| seed | {} |\n\n", settings.seed);
  text +=
      fmt::format("Made with libpeft {}. All settings: `train_config.yaml`; every step: `metrics.jsonl`.\n",
                  peft_version());
  return text;
}

}  // namespace peft_cli
