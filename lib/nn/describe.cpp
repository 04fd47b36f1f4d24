// From a ModelSpec to its list of modules, parameters and groups.
#include <fmt/core.h>

#include "base/error.h"
#include "nn/module.h"

namespace peft {
namespace {

class Builder {
 public:
  explicit Builder(const ModelSpec& spec) : spec_(spec) {}

  Layout build() {
    const ParameterId table = embedding("embedding", spec_.vocabulary);
    if (spec_.learned_positions > 0) embedding("position", spec_.learned_positions);
    for (layer_ = 0; layer_ < spec_.decoder.layers; ++layer_)
      for (size_t i = 0; i < spec_.decoder.sublayers.size(); ++i) sublayer(spec_.decoder.sublayers[i]);
    layer_ = -1;
    if (spec_.decoder.final_norm) norm("final_norm", *spec_.decoder.final_norm, spec_.width);
    head(table);
    return std::move(layout_);
  }

 private:
  std::string scoped(const std::string& name) const {
    return layer_ < 0 ? name : fmt::format("blocks.{}.{}", layer_, name);
  }

  ParameterId parameter(const std::string& name, const Shape& shape) {
    layout_.parameters.push_back({name, "", shape, {}, no_parameter});
    return static_cast<ParameterId>(layout_.parameters.size() - 1);
  }

  Module& module(const std::string& name, ModuleKind kind, int64_t in, int64_t out) {
    Module result;
    result.name = scoped(name);
    result.kind = kind;
    result.layer = layer_;
    result.in_features = in;
    result.out_features = out;
    layout_.modules.push_back(std::move(result));
    return layout_.modules.back();
  }

  ParameterId embedding(const std::string& name, int64_t rows) {
    Module& made = module(name, ModuleKind::embedding, rows, spec_.width);
    made.weight = parameter(made.name + ".weight", {rows, spec_.width});
    return made.weight;
  }

  void norm(const std::string& name, const NormSpec& spec, int64_t width) {
    Module& made = module(name, ModuleKind::norm, width, width);
    made.weight = parameter(made.name + ".weight", {width});
    if (spec.kind == NormKind::layer) made.bias = parameter(made.name + ".bias", {width});
  }

  int32_t new_group() {
    layout_.groups.emplace_back();
    return static_cast<int32_t>(layout_.groups.size() - 1);
  }

  void linear(int32_t group, const std::string& name, int64_t in, int64_t out, bool bias, WeightLayout layout) {
    Module& made = module(name, ModuleKind::linear, in, out);
    made.layout = layout;
    made.conv1d = layout == WeightLayout::in_out;
    made.weight = parameter(made.name + ".weight", layout == WeightLayout::out_in ? Shape{out, in} : Shape{in, out});
    if (bias) made.bias = parameter(made.name + ".bias", {out});
    join(group, made);
  }

  void join(int32_t group, Module& made) {
    LinearGroup& members = layout_.groups[static_cast<size_t>(group)];
    made.group = group;
    made.member = static_cast<int32_t>(members.modules.size());
    members.modules.push_back(static_cast<int32_t>(layout_.modules.size() - 1));
  }

  void body(const AttentionSpec& spec, const std::string& prefix) {
    const int64_t q = int64_t{spec.heads} * spec.head_dim, kv = int64_t{spec.kv_heads} * spec.head_dim;
    const int32_t in = new_group();
    if (spec.fused_qkv) {
      linear(in, prefix + "query_key_value", spec_.width, q + 2 * kv, spec.qkv_bias, spec.layout);
    } else {
      linear(in, prefix + "query", spec_.width, q, spec.qkv_bias, spec.layout);
      linear(in, prefix + "key", spec_.width, kv, spec.qkv_bias, spec.layout);
      linear(in, prefix + "value", spec_.width, kv, spec.qkv_bias, spec.layout);
    }
    if (spec.head_norm) {
      norm(prefix + "query_norm", *spec.head_norm, spec.head_dim);
      norm(prefix + "key_norm", *spec.head_norm, spec.head_dim);
    }
    linear(new_group(), prefix + "output", q, spec_.width, spec.output_bias, spec.layout);
  }

  void body(const FeedForwardSpec& spec, const std::string& prefix) {
    const int32_t in = new_group();
    if (spec.gated) linear(in, prefix + "gate", spec_.width, spec.hidden, spec.bias, spec.layout);
    linear(in, prefix + "up", spec_.width, spec.hidden, spec.bias, spec.layout);
    linear(new_group(), prefix + "down", spec.hidden, spec_.width, spec.bias, spec.layout);
  }

  // Names say the role, not the place: a block has one attention and one feed-forward body.
  static std::string role(const BodySpec& body) {
    return std::holds_alternative<AttentionSpec>(body) ? "attention." : "feed_forward.";
  }

  void sublayer(const SublayerSpec& spec) {
    PEFT_ASSERT(!spec.bodies.empty());
    const std::string prefix = role(spec.bodies.front());
    if (spec.norm_in) norm(prefix + "norm_in", *spec.norm_in, spec_.width);
    for (const BodySpec& each : spec.bodies)
      std::visit([&](const auto& inner) { body(inner, role(each)); }, each);
    if (spec.norm_out) norm(prefix + "norm_out", *spec.norm_out, spec_.width);
    if (spec.norm_sum) norm(prefix + "norm_sum", *spec.norm_sum, spec_.width);
  }

  void head(ParameterId table) {
    Module& made = module("head", ModuleKind::head, spec_.width, spec_.vocabulary);
    made.weight = parameter(made.name + ".weight", {spec_.vocabulary, spec_.width});
    if (spec_.tied_head) layout_.parameters.back().tied_to = table;
    join(new_group(), made);
  }

  const ModelSpec& spec_;
  Layout layout_;
  int32_t layer_ = -1;
};

}  // namespace

Layout describe(const ModelSpec& spec) { return Builder(spec).build(); }

int32_t Layout::module(const std::string& name) const {
  for (size_t i = 0; i < modules.size(); ++i)
    if (modules[i].name == name) return static_cast<int32_t>(i);
  fail(Code::internal, "no module named '{}'", name);
}

}  // namespace peft
