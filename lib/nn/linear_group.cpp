// The choke point of every linear layer: base, hooks around it, rows with different adapters.
#include "nn/low_rank_hook.h"
#include "nn/transformer.h"
#include "ops/convert.h"
#include "ops/linear.h"
#include "ops/views.h"

namespace peft {
namespace {

class PlainBase final : public LinearBase {
 public:
  PlainBase(const Transformer& model, const LinearGroup& group) : model_(model), group_(group) {}

  int members() const override { return static_cast<int>(group_.modules.size()); }

  const Module& module(int member) const override {
    return model_.module(group_.modules[static_cast<size_t>(member)]);
  }

  std::vector<Tensor> forward(Pass& pass, const Tensor& x) const override {
    std::vector<Tensor> outputs;
    outputs.reserve(group_.modules.size());
    for (int i = 0; i < members(); ++i) {
      const Module& at = module(i);
      const Tensor weight = pass.parameter(parameter(at.weight), at.weight);
      const Tensor bias =
          at.bias == no_parameter ? Tensor() : pass.parameter(parameter(at.bias), at.bias);
      outputs.push_back(linear(pass.context(), x, weight, at.layout, bias));
    }
    return outputs;
  }

  Tensor dense_weight(Context& context, int member) const override {
    return dequantized(context, parameter(module(member).weight).value);
  }

 private:
  const Parameter& parameter(ParameterId id) const { return model_.layout().parameters[static_cast<size_t>(id)]; }

  const Transformer& model_;
  const LinearGroup& group_;
};

class HookedBase final : public LinearBase {
 public:
  HookedBase(const LinearHook& hook, const LinearBase& inner) : hook_(hook), inner_(inner) {}
  int members() const override { return inner_.members(); }
  const Module& module(int member) const override { return inner_.module(member); }
  std::vector<Tensor> forward(Pass& pass, const Tensor& x) const override { return hook_.forward(pass, x, inner_); }
  Tensor dense_weight(Context& context, int member) const override { return inner_.dense_weight(context, member); }

 private:
  const LinearHook& hook_;
  const LinearBase& inner_;
};

// The adapters from `index` on, each around what comes before it.
std::vector<Tensor> forward_through(Pass& pass, const Tensor& x, int32_t group, const LinearBase& base,
                                    std::span<const std::shared_ptr<const HookTable>> adapters) {
  for (size_t i = 0; i < adapters.size(); ++i) {
    if (const LinearHook* hook = adapters[i]->linear(group)) {
      const HookedBase hooked(*hook, base);
      return forward_through(pass, x, group, hooked, adapters.subspan(i + 1));
    }
  }
  return base.forward(pass, x);
}

bool any_hook(const ActiveAdapters& active, int32_t group) {
  for (const auto& adapter : active.adapters)
    if (adapter->linear(group)) return true;
  return false;
}

// True when all that adapters do to the group is to add low-rank updates.
bool only_low_rank(std::span<const ActiveAdapters> adapters, int32_t group) {
  for (const ActiveAdapters& active : adapters)
    for (const auto& adapter : active.adapters)
      if (const LinearHook* hook = adapter->linear(group))
        if (!hook->low_rank()) return false;
  return true;
}

// One product of the base for all rows, then the updates of each range: the first ones of all ranges together, then the
// second ones.
std::vector<Tensor> forward_low_rank(Pass& pass, const Tensor& x, int32_t group, const LinearBase& base) {
  std::vector<Tensor> outputs = base.forward(pass, x);
  const std::vector<ActiveAdapters>& adapters = pass.adapters();
  for (size_t round = 0;; ++round) {
    std::vector<HookedRows> rows;
    bool more = false;
    for (size_t i = 0; i < adapters.size(); ++i) {
      if (round >= adapters[i].adapters.size()) continue;
      more = true;
      const Placement::Span& span = pass.placement.spans[i];
      if (const LinearHook* hook = adapters[i].adapters[round]->linear(group))
        rows.push_back({hook->low_rank(), span.begin, span.count});
    }
    if (!more) return outputs;
    add_low_rank(pass, x, rows, outputs);
  }
}

// Replaces the pass's placement while hooks see a part of the rows.
class PlacementScope {
 public:
  PlacementScope(Pass& pass, Placement placement) : pass_(pass), previous_(std::move(pass.placement)) {
    pass.placement = std::move(placement);
  }
  ~PlacementScope() { pass_.placement = std::move(previous_); }

 private:
  Pass& pass_;
  Placement previous_;
};

}  // namespace

std::vector<Tensor> apply_linear_group(const Transformer& model, Pass& pass, int32_t group, const Tensor& x) {
  const PlainBase base(model, model.layout().groups[static_cast<size_t>(group)]);
  const std::vector<ActiveAdapters>& adapters = pass.adapters();
  bool hooked = false;
  for (const ActiveAdapters& active : adapters) hooked = hooked || any_hook(active, group);
  if (!hooked) return base.forward(pass, x);

  const std::vector<Placement::Span> spans = pass.placement.spans;
  PEFT_ASSERT(spans.size() == adapters.size());
  if (adapters.size() == 1 && spans[0].count == x.rows())
    return forward_through(pass, x, group, base, adapters[0].adapters);

  if (only_low_rank(adapters, group)) return forward_low_rank(pass, x, group, base);
  // Rows of different adapters: each range runs through its own hooks, the gaps through the base.
  std::vector<std::vector<Tensor>> parts(static_cast<size_t>(base.members()));
  int64_t done = 0;
  const auto run = [&](int64_t begin, int64_t count, const ActiveAdapters* active) {
    if (count == 0) return;
    const PlacementScope scope(pass, pass.placement.row_range(begin, count));
    const Tensor range = row_range(pass.context(), x, begin, count);
    std::vector<Tensor> outputs = active ? forward_through(pass, range, group, base, active->adapters)
                                         : base.forward(pass, range);
    for (size_t i = 0; i < outputs.size(); ++i) parts[i].push_back(std::move(outputs[i]));
  };
  for (size_t i = 0; i < adapters.size(); ++i) {
    run(done, spans[i].begin - done, nullptr);
    run(spans[i].begin, spans[i].count, &adapters[i]);
    done = spans[i].begin + spans[i].count;
  }
  run(done, x.rows() - done, nullptr);
  std::vector<Tensor> joined;
  for (std::vector<Tensor>& each : parts) joined.push_back(concat_rows(pass.context(), each));
  return joined;
}

}  // namespace peft
