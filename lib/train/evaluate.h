// The loss of a model on a data set, without training.
#pragma once

#include "data/dataset.h"
#include "train/loss.h"

namespace peft {

struct Evaluation {
  double nll = 0;   // summed over the loss-bearing tokens, natural logarithm
  double loss = 0;  // nll / loss_tokens
  double token_accuracy = 0;
  int64_t rows = 0, tokens = 0, loss_tokens = 0;
  double seconds = 0;
};

// Rows in their order, `batch_size` at a time; context.cancel is polled at every layer. The vocabulary bounds
// the data's ids (Code::mismatch).
Evaluation evaluate(const Transformer& model, Workspace& workspace, const Dataset& dataset,
                    int64_t batch_size, const std::vector<std::shared_ptr<const HookTable>>& adapters);

// Token ids of a data set against a model. Code::mismatch names the largest.
void check_vocabulary(const Transformer& model, const Dataset& dataset);

}  // namespace peft
