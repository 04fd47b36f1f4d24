#include "adapters/methods/lora_hook.h"

#include <map>

#include "base/error.h"
#include "nn/low_rank_hook.h"
#include "nn/pass.h"
#include "ops/embedding.h"
#include "ops/low_rank.h"

namespace peft {
namespace {

void product(Context& context, const MatmulOptions& options, const Tensor& a, const Tensor& b, Tensor& y) {
  const Tensor scratch =
      context.scratch(context.backend().matmul_scratch(options, a.shape(), b.shape(), a.dtype(), b.dtype()));
  context.backend().matmul(options, a.const_view(), b.const_view(), y.view(),
                           scratch ? Tensor(scratch).view() : View());
}

// Narrow and rare (merging only): column by column.
void transpose(Context& context, const Tensor& from, Tensor& to) {
  for (int64_t c = 0; c < from.columns(); ++c) {
    Tensor column = from.column_range(c, 1);
    Tensor row = to.row_range(c, 1).reshaped({from.rows(), 1});
    context.backend().copy(column.const_view(), row.view());
  }
}

// weight += s B A, or its transpose for weights stored [in, out].  a [r, in], b [out, r].
void add_update(Context& context, const Tensor& a, const Tensor& b, float scale, WeightLayout layout,
                Tensor& weight) {
  MatmulOptions options;
  options.accumulate = true;
  options.alpha = scale;
  const bool out_in = layout == WeightLayout::out_in;
  // [out, r] [r, in], or A^T B^T = [in, r] [r, out].
  options.kind = out_in ? MatmulKind::nn : MatmulKind::tn;
  if (out_in) return product(context, options, b, a, weight);
  Tensor b_transposed = context.empty({b.columns(), b.rows()});
  transpose(context, b, b_transposed);
  product(context, options, a, b_transposed, weight);
}

class LoraHook final : public LinearHook {
 public:
  struct Part {
    LoraMember plan;
    Tensor b;     // [out, rank]
    float scale;  // alpha / r and the adapter's own
  };
  LoraHook(int32_t group, Tensor a, std::vector<Part> parts, float dropout) : parts_(std::move(parts)) {
    hook_.update.a = std::move(a);
    hook_.dropout = dropout;
    hook_.dropout_module = static_cast<uint32_t>(group);
    for (const Part& part : parts_)
      hook_.update.parts.push_back({part.plan.member, part.b, part.scale, part.plan.first_row});
  }

  const LowRankHook* low_rank() const override { return &hook_; }

  std::vector<Tensor> forward(Pass& pass, const Tensor& x, const LinearBase& base) const override {
    std::vector<Tensor> outputs = base.forward(pass, x);
    add_low_rank(pass, x, hook_, {}, outputs);
    return outputs;
  }

  bool covers(int member) const override { return find(member) != nullptr; }

  // W + s B A, or its transpose for weights stored [in, out].
  DenseLinear merged(Context& context, int member, const Module& module, DenseLinear base) const override {
    const Part* part = find(member);
    PEFT_ASSERT(part != nullptr);
    const Tensor a = hook_.update.a.detached().row_range(part->plan.first_row, part->plan.rank);
    Tensor weight = base.weight;
    add_update(context, a, part->b.detached(), part->scale, module.layout, weight);
    return {weight, base.bias};
  }

 private:
  const Part* find(int member) const {
    for (const Part& part : parts_)
      if (part.plan.member == member) return &part;
    return nullptr;
  }

  std::vector<Part> parts_;
  LowRankHook hook_;
};

class LoraEmbeddingHook final : public EmbeddingHook {
 public:
  LoraEmbeddingHook(Tensor a, Tensor b, float scale) : a_(std::move(a)), b_(std::move(b)), scale_(scale) {}

  Tensor forward(Pass& pass, std::span<const int32_t> ids, Tensor y, int64_t first_row) const override {
    const Tensor h = embedding_columns(pass.context(), a_, ids);
    ExpandRange range;
    range.first_row = first_row;
    return expand_add(pass.context(), std::move(y), h, b_, scale_, range);
  }

  // A table is a weight stored [in, out].
  Tensor merged(Context& context, Tensor table) const override {
    add_update(context, a_.detached(), b_.detached(), scale_, WeightLayout::in_out, table);
    return table;
  }

 private:
  Tensor a_, b_;
  float scale_;
};

class LoraTable final : public CopyTable {
 public:
  LoraTable(const Plan& plan, const LoraParts& lora, std::span<const Tensor> buffers, float scale)
      : CopyTable(plan, lora.copies, buffers) {
    for (const LoraEmbedding& each : lora.embeddings)
      embeddings_[each.module] = std::make_unique<LoraEmbeddingHook>(
          buffers[static_cast<size_t>(each.buffer_a)], buffers[static_cast<size_t>(each.buffer_b)],
          each.scale * scale);
    for (const LoraGroup& group : lora.groups) {
      std::vector<LoraHook::Part> parts;
      for (const LoraMember& member : group.members)
        parts.push_back({member, buffers[static_cast<size_t>(member.buffer_b)], member.scale * scale});
      if (hooks_.size() <= static_cast<size_t>(group.group))
        hooks_.resize(static_cast<size_t>(group.group) + 1);
      hooks_[static_cast<size_t>(group.group)] = std::make_unique<LoraHook>(
          group.group, buffers[static_cast<size_t>(group.buffer_a)], std::move(parts), lora.dropout);
    }
  }

  const LinearHook* linear(int32_t group) const override {
    return static_cast<size_t>(group) < hooks_.size() ? hooks_[static_cast<size_t>(group)].get() : nullptr;
  }

  const EmbeddingHook* embedding(int32_t module) const override {
    const auto found = embeddings_.find(module);
    return found == embeddings_.end() ? nullptr : found->second.get();
  }

 private:
  std::vector<std::unique_ptr<LoraHook>> hooks_;  // by group
  std::map<int32_t, std::unique_ptr<LoraEmbeddingHook>> embeddings_;
};

}  // namespace

std::shared_ptr<const HookTable> make_lora_hooks(const Plan& plan, const LoraParts& parts,
                                                 std::span<const Tensor> buffers, float scale) {
  return std::make_shared<LoraTable>(plan, parts, buffers, scale);
}

}  // namespace peft
