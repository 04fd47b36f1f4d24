// Runs any ModelSpec. Holds the base parameters; every pass brings its own adapters, cache and context.
#pragma once

#include <memory>
#include <span>

#include "nn/module.h"
#include "nn/pass.h"
#include "nn/sublayer.h"

namespace peft {

// Hidden states of chosen tokens, and where they stand.
struct Hidden {
  Tensor states;  // [n, width]
  Placement placement;
};

// Forward passes are const and may run on several threads, each with its own Pass, while nobody replaces parameters.
class Transformer {
 public:
  explicit Transformer(ModelSpec spec);

  const ModelSpec& spec() const { return spec_; }
  const Layout& layout() const { return layout_; }
  Layout& layout() { return layout_; }  // for loading, quantizing and merging, while nobody else holds the model
  const Module& module(int32_t index) const { return layout_.modules[static_cast<size_t>(index)]; }

  // Hidden states after the final norm of the tokens `wanted` (indices into pass.ids(), ascending).
  // With caches, all tokens of the pass are appended to them. Polls the cancel token at every layer.
  Hidden forward(Pass& pass, std::span<const int32_t> wanted) const;

  // Output head on hidden states: [n, vocabulary]. The head can be adapted like any linear layer.
  Tensor logits(Pass& pass, const Hidden& hidden) const;

  // True when an active adapter of the pass trains something in `layer` or below it (-1: before the first layer).
  static bool trains_at_or_below(const Pass& pass, int32_t layer);

  // Group index of the head, for hooks.
  int32_t head_group() const { return head_group_; }

 private:
  ModelSpec spec_;
  Layout layout_;
  int32_t head_group_ = -1;
  std::vector<TransformerBlock> blocks_;
  int32_t final_norm_ = -1;
};

// One group through its hooks: the active adapters of the pass's rows around the base. Used by every sublayer body.
std::vector<Tensor> apply_linear_group(const Transformer& model, Pass& pass, int32_t group, const Tensor& x);

}  // namespace peft
