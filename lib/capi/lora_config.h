// peft_lora_config as PEFT's JSON.
#pragma once

#include "base/json.h"
#include "peft/adapter.h"

namespace peft::capi {

peft_lora_config lora_defaults();
Json lora_json_of(const peft_lora_config& config, const Limits& limits);

}  // namespace peft::capi
