// Likelihoods and logits of given tokens.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "nn/transformer.h"

namespace peft {

// Log-probabilities of ids[1..] given what stands before each: ids.size() - 1 values. Never all logits at
// once. Ids beyond the vocabulary are Code::invalid_argument.
std::vector<float> token_log_probabilities(const Transformer& model, Workspace& workspace,
                                           std::span<const int32_t> ids,
                                           const std::vector<std::shared_ptr<const HookTable>>& adapters);

// Logits after tokens first .. first + count - 1: count rows of the vocabulary's size.
std::vector<float> token_logits(const Transformer& model, Workspace& workspace, std::span<const int32_t> ids,
                                const std::vector<std::shared_ptr<const HookTable>>& adapters, int64_t first,
                                int64_t count);

}  // namespace peft
