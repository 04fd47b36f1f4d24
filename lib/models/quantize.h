// Quantizing linear layers to NF4: those of a loaded model in place, or each as it is read.
#pragma once

#include <cstdint>

#include "models/model.h"

namespace peft {

// NF4 with bitsandbytes' codes bit for bit, from the weights as held (their f32 values). A Conv1D is turned round first, as
// bitsandbytes' integration does. Returns the number of layers quantized. All new weights are made before the first is put
// in: a failed or cancelled call leaves the model as it was. Code::numeric for a weight that is not finite, Code::state when
// nothing is left to quantize. The caller holds the model alone.
int64_t quantize_model(Model& model, Context& context, const QuantizeOptions& options);

// The same for the weight of one module, which was just read; false where it stays as it is.
bool quantize_weight(Layout& layout, Module& module, Context& context, const QuantizeOptions& options);

}  // namespace peft
