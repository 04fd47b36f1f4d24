// peft_model_options as the model's loader wants them.
#pragma once

#include "models/model.h"
#include "peft/model.h"

namespace peft::capi {

peft_model_options model_defaults();
// Everything but the device, the callbacks and the limits, checked.
LoadOptions read_load_options(const peft_model_options& given);

}  // namespace peft::capi
