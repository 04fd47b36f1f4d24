// peft_model_options and peft_quantize_options as the core wants them.
#pragma once

#include "models/model.h"
#include "peft/model.h"

namespace peft::capi {

peft_model_options model_defaults();
peft_quantize_options quantize_defaults();
// Everything but the device, the callbacks and the limits, checked.
LoadOptions read_load_options(const peft_model_options& given);
QuantizeOptions read_quantize_options(const peft_quantize_options& given);  // but for its cancel

}  // namespace peft::capi
