// README.md of an output folder: what the adapter is, for whoever finds it later.
#pragma once

#include <string>

#include "api.h"
#include "train_settings.h"

namespace peft_cli {

std::string card_text(const TrainSettings& settings, const peft_adapter* adapter,
                      const std::string& data_summary, const peft_trainer_info& trainer);

}  // namespace peft_cli
