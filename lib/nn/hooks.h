// How adapters take part in a forward pass. nn owns these interfaces and calls them; adapters never see how a weight is
// stored and nn never knows which method is behind a hook.
//
// Hooks are immutable while anyone holds them and may be called from several threads, each with its own Pass.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "nn/module.h"
#include "ops/low_rank.h"
#include "tensor/context.h"

namespace peft {

class Pass;

// The linear layers of one group as a hook sees them: the plain base, or the base with other hooks around it.
class LinearBase {
 public:
  virtual ~LinearBase() = default;
  virtual int members() const = 0;
  virtual const Module& module(int member) const = 0;
  // x [tokens, in] -> one [tokens, out] per member, freshly made: a hook may add to them in place (ops/low_rank.h).
  virtual std::vector<Tensor> forward(Pass& pass, const Tensor& x) const = 0;
  // The base weight of one member as dense f32, in the checkpoint's layout (Module::layout). A copy.
  virtual Tensor dense_weight(Context& context, int member) const = 0;
};

// A member's weight (the checkpoint's layout) and bias as dense f32; bias may be undefined.
struct DenseLinear {
  Tensor weight, bias;
};

// A low-rank update of a group, with the dropout of its input while training.
struct LowRankHook {
  LowRankUpdate update;
  float dropout = 0.0f;
  uint32_t dropout_module = 0;  // dropout's counter word
};

class LinearHook {
 public:
  virtual ~LinearHook() = default;
  // Not null when the hook does nothing but add this to what the base gives. Rows with hooks of this kind share one
  // product of the base, and forward() need not be called.
  virtual const LowRankHook* low_rank() const { return nullptr; }
  // Replaces base.forward(pass, x) for the whole group.
  virtual std::vector<Tensor> forward(Pass& pass, const Tensor& x, const LinearBase& base) const = 0;
  // True when `member` of the group is changed by this hook, so that merging has something to do.
  virtual bool covers(int member) const = 0;
  // The weight and bias that give the same output without the hook. Only called for covered members.
  virtual DenseLinear merged(Context& context, int member, const Module& module, DenseLinear base) const = 0;
};

// Embeddings put before each row's own tokens.
class PromptHook {
 public:
  virtual ~PromptHook() = default;
  virtual int32_t length() const = 0;  // virtual tokens T
  virtual Tensor embeddings(Pass& pass) const = 0;  // [T, width]
};

// A table of embeddings (of tokens, or of learned positions) under an adapter.
class EmbeddingHook {
 public:
  virtual ~EmbeddingHook() = default;
  // y [tokens, width] holds the table's rows `ids` from row `first_row` on; returns it with those rows changed,
  // in place where y is the buffer's only handle.
  virtual Tensor forward(Pass& pass, std::span<const int32_t> ids, Tensor y, int64_t first_row) const = 0;
  // The table that gives the same without the hook. `table` is dense f32 [rows, width], a copy to write over.
  virtual Tensor merged(Context& context, Tensor table) const = 0;
};

// Everything one adapter puts into a forward pass: a snapshot of its tensors behind hooks.
class HookTable {
 public:
  virtual ~HookTable() = default;
  // Hook of a linear group, or null.
  virtual const LinearHook* linear(int32_t group) const = 0;
  // Hook of an embedding by its module's index, or null.
  virtual const EmbeddingHook* embedding(int32_t) const { return nullptr; }
  virtual const PromptHook* prompt() const = 0;  // or null
  // A base parameter that this adapter replaces with its own copy (modules_to_save, trained biases); undefined: the base's.
  virtual Tensor parameter(ParameterId id) const = 0;
  // Lowest layer in which a tensor of this adapter trains; -1 when it trains before the first layer (prompt, embedding);
  // INT32_MAX when nothing trains. Layers below need no gradient.
  virtual int32_t lowest_trained_layer() const = 0;
};

// Adapters of one range of rows, applied in order. Rows that no entry covers run the plain base.
struct ActiveAdapters {
  int32_t first_row = 0, row_count = 0;
  std::vector<std::shared_ptr<const HookTable>> adapters;
};

}  // namespace peft
