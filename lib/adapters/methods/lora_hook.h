// LoRA in a forward pass: one hook per group of linear layers that share an input.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "adapters/base_copies.h"
#include "adapters/plan.h"

namespace peft {

struct LoraMember {
  int32_t member = 0;  // place in the linear group
  int64_t rank = 0;
  int64_t first_row = 0;  // of its A in the group's stacked A
  int32_t buffer_b = 0;   // [out, rank]
  float scale = 1.0f;
};

struct LoraGroup {
  int32_t group = 0;
  int32_t buffer_a = 0;  // [sum of ranks, in]
  std::vector<LoraMember> members;
};

// y = E[id] + s B A[:, id]; dropout does not act on embeddings.
struct LoraEmbedding {
  int32_t module = 0;    // index in the layout
  int32_t buffer_a = 0;  // [rank, rows of the table]
  int32_t buffer_b = 0;  // [width, rank]
  float scale = 1.0f;
};

struct LoraParts {
  std::vector<LoraGroup> groups;
  std::vector<LoraEmbedding> embeddings;
  std::vector<BaseCopy> copies;
  float dropout = 0.0f;
};

std::shared_ptr<const HookTable> make_lora_hooks(const Plan& plan, const LoraParts& parts,
                                                 std::span<const Tensor> buffers, float scale);

}  // namespace peft
