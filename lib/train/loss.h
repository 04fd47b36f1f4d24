// The loss of one micro-batch: forward, and backward where a tape is set.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "data/row.h"
#include "nn/transformer.h"

namespace peft {

// Rows of hidden states whose logits exist at once: 50 MB for a vocabulary of 49,152.
inline constexpr int64_t loss_chunk_rows = 256;

struct MicroBatchLoss {
  Tensor losses;        // negative log-likelihood of each loss-bearing token, natural logarithm; undefined without any
  int64_t tokens = 0;   // of which there are so many
  int64_t correct = 0;  // counted where asked for: the label was the most probable token
};

struct LossOptions {
  PassOptions pass;
  std::vector<std::shared_ptr<const HookTable>> adapters;  // active for every row
  int32_t first_row_number = 0;                            // dropout's row counter of the first row
  float gradient_scale = 0;                                // of the sum; used with `backward`
  bool backward = false;                                   // gradients go into the leaves of `adapters`
  bool count_correct = false;
};

// Ids must be within the vocabulary. Only tokens that bear a loss reach the head.
MicroBatchLoss micro_batch_loss(const Transformer& model, Workspace& workspace, std::span<const RowView> rows,
                                const LossOptions& options);

// Their sum, in f64 and in order. Waits for the device.
double loss_sum(Context& context, const Tensor& losses);

}  // namespace peft
