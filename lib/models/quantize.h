// Quantizing the linear layers of a loaded model in place.
#pragma once

#include <string>
#include <vector>

#include "models/model.h"

namespace peft {

struct QuantizeOptions {
  bool double_quantize = true;
  std::vector<std::string> skip;  // module names or suffixes that stay; the head always stays when it is tied
  const CancelToken* cancel = nullptr;
};

// NF4 with bitsandbytes' codes bit for bit, from the weights as held (their f32 values). A Conv1D is turned round first, as
// bitsandbytes' integration does. Returns the number of layers quantized. All new weights are made before the first is put
// in: a failed or cancelled call leaves the model as it was. Code::numeric for a weight that is not finite, Code::state when
// nothing is left to quantize. The caller holds the model alone.
int64_t quantize_model(Model& model, Context& context, const QuantizeOptions& options);

}  // namespace peft
