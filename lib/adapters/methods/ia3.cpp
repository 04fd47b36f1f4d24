// IA3 (Liu et al. 2022): learned vectors that rescale the outputs of attention projections and the inputs of
// feed-forward ones. Configuration, keys and defaults as PEFT's IA3Config and tuners/ia3/layer.py.
#include "adapters/methods/ia3.h"

#include <algorithm>

#include "adapters/base_copies.h"
#include "adapters/config_keys.h"
#include "adapters/targets.h"
#include "base/error.h"
#include "nn/pass.h"
#include "ops/elementwise.h"

namespace peft {
namespace {

constexpr ConfigKey keys[] = {
    {"exclude_modules", "null", true},     {"fan_in_fan_out", "false", true},
    {"feedforward_modules", "null", true}, {"init_ia3_weights", "true", true},
    {"modules_to_save", "null", true},     {"target_modules", "null", true},
};

struct Defaults {
  std::vector<std::string> targets, feedforward;
};

// PEFT's TRANSFORMERS_MODELS_TO_IA3_TARGET_MODULES_MAPPING and its feed-forward twin.
Defaults defaults_of(const std::string& family) {
  if (family == "gpt2") return {{"c_attn", "mlp.c_proj"}, {"mlp.c_proj"}};
  if (family == "llama" || family == "mistral") return {{"k_proj", "v_proj", "down_proj"}, {"down_proj"}};
  return {{"q_proj", "v_proj", "down_proj"}, {"down_proj"}};
}

struct Site {
  int32_t group = 0, member = 0, buffer = 0;
  bool feedforward = false;
};

class Ia3Hook final : public LinearHook {
 public:
  struct Part {
    int32_t member;
    bool feedforward;
    Tensor row;  // [out], or [in] for feed-forward
  };
  void add(Part part) { parts_.push_back(std::move(part)); }

  std::vector<Tensor> forward(Pass& pass, const Tensor& x, const LinearBase& base) const override {
    Context& context = pass.context();
    // Members whose input is rescaled run apart unless they are the whole group.
    std::vector<Tensor> outputs;
    if (base.members() > 1 || !parts_.front().feedforward) outputs = base.forward(pass, x);
    for (const Part& part : parts_) {
      const auto at = static_cast<size_t>(part.member);
      if (part.feedforward) {
        std::vector<Tensor> scaled = base.forward(pass, multiply_row(context, x, part.row));
        if (outputs.empty())
          outputs = std::move(scaled);
        else
          outputs[at] = std::move(scaled[at]);
      } else {
        outputs[at] = multiply_row(context, outputs[at], part.row);
      }
    }
    return outputs;
  }

  bool covers(int member) const override { return find(member) != nullptr; }

  // Rows (or columns) of W times l; the bias too where the output is rescaled.
  DenseLinear merged(Context& context, int member, const Module& module, DenseLinear base) const override {
    const Part* part = find(member);
    PEFT_ASSERT(part != nullptr);
    Backend& backend = context.backend();
    const Tensor row = part->row.detached();
    // The vector runs along the columns of the stored weight, or along its rows.
    const bool along_columns = part->feedforward == (module.layout == WeightLayout::out_in);
    if (along_columns) {
      backend.binary(BinaryKind::multiply, base.weight.const_view(),
                     row.reshaped({1, row.elements()}).const_view(), base.weight.view());
    } else {
      const std::vector<float> factors = context.to_host(row.reshaped({row.elements()}));
      for (int64_t r = 0; r < base.weight.rows(); ++r) {
        Tensor line = base.weight.row_range(r, 1);
        backend.scale(factors[static_cast<size_t>(r)], line.const_view(), false, line.view());
      }
    }
    if (base.bias && !part->feedforward)
      backend.binary(BinaryKind::multiply, base.bias.const_view(),
                     row.reshaped({row.elements()}).const_view(), base.bias.view());
    return base;
  }

 private:
  const Part* find(int member) const {
    for (const Part& part : parts_)
      if (part.member == member) return &part;
    return nullptr;
  }
  std::vector<Part> parts_;
};

class Ia3Table final : public CopyTable {
 public:
  Ia3Table(const Plan& plan, const std::vector<Site>& sites, const std::vector<BaseCopy>& copies,
           std::span<const Tensor> buffers)
      : CopyTable(plan, copies, buffers) {
    for (const Site& site : sites) {
      if (hooks_.size() <= static_cast<size_t>(site.group))
        hooks_.resize(static_cast<size_t>(site.group) + 1);
      auto& hook = hooks_[static_cast<size_t>(site.group)];
      if (!hook) hook = std::make_unique<Ia3Hook>();
      hook->add({site.member, site.feedforward, buffers[static_cast<size_t>(site.buffer)]});
    }
  }
  const LinearHook* linear(int32_t group) const override {
    return static_cast<size_t>(group) < hooks_.size() ? hooks_[static_cast<size_t>(group)].get() : nullptr;
  }

 private:
  std::vector<std::unique_ptr<Ia3Hook>> hooks_;
};

class Ia3Plan final : public Plan {
 public:
  explicit Ia3Plan(const PlanInput& input) {
    const JsonFields config(input.config, input.what);
    check_config_keys(config, keys);
    const Layout& layout = input.model.layout();
    const Defaults defaults = defaults_of(input.model.spec().family);
    const TargetRules rules = target_rules(config, defaults.targets);
    const std::vector<int32_t> chosen = resolve_targets(rules, layout, input.what);
    const NameSet feedforward = feedforward_of(config, defaults);
    const bool ones = config.boolean_or("init_ia3_weights", true);
    bool conv1d = true;
    for (const int32_t index : chosen) {
      const Module& module = layout.modules[static_cast<size_t>(index)];
      Site site{module.group, module.member, 0, is_feedforward(feedforward, module.path)};
      PlannedTensor tensor;
      tensor.key = std::string(key_prefix) + module.path + ".ia3_l";
      tensor.shape = site.feedforward ? Shape{1, module.in_features} : Shape{module.out_features, 1};
      // init_ia3_weights false: PEFT leaves torch.randn.
      tensor.start = ones ? Start::ones : Start::normal;
      tensor.bound = 1.0f;
      tensor.layer = module.kind == ModuleKind::head ? INT32_MAX - 1 : module.layer;
      site.buffer = add_tensor(std::move(tensor));
      buffers_.back() = {site.feedforward ? module.in_features : module.out_features};
      sites_.push_back(site);
      paths_.push_back(module.path);
      conv1d = conv1d && module.conv1d;
    }
    for (SavedTensor& saved : plan_saved(rules.modules_to_save, layout, chosen, input.what))
      copies_.push_back({saved.parameter, add_tensor(std::move(saved.planned))});
    std::sort(paths_.begin(), paths_.end());

    Json values = input.config;
    values.erase("runtime_config");
    if (!rules.targets.is_pattern || rules.all_linear)
      values["target_modules"] = shortest_names(chosen, layout);
    if (feedforward.is_pattern)
      values["feedforward_modules"] = feedforward.names[0];
    else
      values["feedforward_modules"] = feedforward.names;
    values["fan_in_fan_out"] = conv1d;
    config_ = complete_config("IA3", keys, values);
  }

  std::string_view peft_type() const override { return "IA3"; }
  Json config() const override { return config_; }
  std::vector<std::string> target_paths() const override { return paths_; }
  std::shared_ptr<const HookTable> hooks(std::span<const Tensor> buffers, float scale) const override {
    check(scale == 1.0f, Code::unsupported,
          "IA3 rescales activations and has no strength of its own; scale {} is not 1", scale);
    return std::make_shared<Ia3Table>(*this, sites_, copies_, buffers);
  }

 private:
  // The default of feedforward_modules holds only with default targets.
  static NameSet feedforward_of(const JsonFields& config, const Defaults& defaults) {
    NameSet set;
    const Json* value = config.find("feedforward_modules");
    if (!value) {
      if (!config.has("target_modules")) set.names = defaults.feedforward;
    } else if (value->is_string()) {
      set = {true, {config.string("feedforward_modules")}};
    } else {
      set.names = *config.strings("feedforward_modules");
    }
    return set;
  }

  // A pattern in full, or any ending: PEFT's IA3Model._check_target_module_feedforward.
  static bool is_feedforward(const NameSet& set, const std::string& path) {
    if (set.is_pattern) return matches(set, path);
    return std::any_of(set.names.begin(), set.names.end(),
                       [&](const std::string& name) { return path.ends_with(name); });
  }

  std::vector<Site> sites_;
  std::vector<BaseCopy> copies_;
  std::vector<std::string> paths_;
  Json config_;
};

}  // namespace

std::unique_ptr<Plan> plan_ia3(const PlanInput& input) { return std::make_unique<Ia3Plan>(input); }

}  // namespace peft
