#include "nn/sublayer.h"

#include <fmt/core.h>

#include <array>

#include "nn/transformer.h"
#include "ops/attention.h"
#include "ops/elementwise.h"
#include "ops/gated.h"
#include "ops/norm.h"
#include "ops/rope.h"
#include "ops/views.h"

namespace peft {
namespace {

class Binder {
 public:
  Binder(const Layout& layout, int32_t layer) : layout_(layout), prefix_(fmt::format("blocks.{}.", layer)) {}

  Sublayer bind(const SublayerSpec& spec) const {
    Sublayer result;
    result.spec = &spec;
    const std::string role = role_of(spec.bodies.front());
    if (spec.norm_in) result.norm_in = module(role + "norm_in");
    if (spec.norm_out) result.norm_out = module(role + "norm_out");
    if (spec.norm_sum) result.norm_sum = module(role + "norm_sum");
    for (const BodySpec& body : spec.bodies) result.bodies.push_back(bind_body(body));
    return result;
  }

 private:
  static std::string role_of(const BodySpec& body) {
    return std::holds_alternative<AttentionSpec>(body) ? "attention." : "feed_forward.";
  }

  int32_t module(const std::string& name) const { return layout_.module(prefix_ + name); }
  int32_t group(const std::string& name) const { return layout_.modules[static_cast<size_t>(module(name))].group; }

  Body bind_body(const BodySpec& spec) const {
    Body body;
    body.spec = &spec;
    if (const auto* attention = std::get_if<AttentionSpec>(&spec)) {
      body.input_group = group(attention->fused_qkv ? "attention.query_key_value" : "attention.query");
      body.output_group = group("attention.output");
      if (attention->head_norm) {
        body.query_norm = module("attention.query_norm");
        body.key_norm = module("attention.key_norm");
      }
    } else {
      body.input_group = group("feed_forward.up");
      body.output_group = group("feed_forward.down");
    }
    return body;
  }

  const Layout& layout_;
  std::string prefix_;
};

// The same norm over every head: [tokens, heads * head_dim] as [tokens * heads, head_dim].
Tensor norm_heads(const Transformer& model, Pass& pass, const NormSpec& spec, int32_t module, const Tensor& x,
                  int64_t head_dim) {
  Context& context = pass.context();
  const Tensor heads = reshape(context, x, {x.rows() * x.columns() / head_dim, head_dim});
  return reshape(context, apply_norm(model, pass, spec, module, heads), x.shape());
}

Tensor run_attention(const Transformer& model, Pass& pass, const AttentionSpec& spec, const Body& body, int32_t layer,
                     const Tensor& x) {
  Context& context = pass.context();
  std::vector<Tensor> qkv = apply_linear_group(model, pass, body.input_group, x);
  if (spec.fused_qkv) {
    const int64_t q = int64_t{spec.heads} * spec.head_dim, kv = int64_t{spec.kv_heads} * spec.head_dim;
    qkv = split_columns(context, qkv[0], std::array{q, kv, kv});
  }
  if (spec.head_norm) {
    qkv[0] = norm_heads(model, pass, *spec.head_norm, body.query_norm, qkv[0], spec.head_dim);
    qkv[1] = norm_heads(model, pass, *spec.head_norm, body.key_norm, qkv[1], spec.head_dim);
  }
  if (spec.rope) {
    const RopeOptions queries{spec.heads, spec.head_dim, spec.rope->rotary_dim, false};
    const RopeOptions keys{spec.kv_heads, spec.head_dim, spec.rope->rotary_dim, false};
    qkv[0] = rope(context, std::move(qkv[0]), pass.device.positions, pass.rope_table, queries);
    qkv[1] = rope(context, std::move(qkv[1]), pass.device.positions, pass.rope_table, keys);
  }
  const std::vector<int32_t>& windows = model.spec().decoder.windows;
  AttentionOptions options;
  options.heads = spec.heads;
  options.kv_heads = spec.kv_heads;
  options.head_dim = spec.head_dim;
  options.causal = spec.causal;
  options.scale = spec.scale;
  options.window = windows.empty() ? 0 : windows[static_cast<size_t>(layer)];
  Tensor mixed;
  if (pass.cached()) {
    const PageLayout layout = pass.sequences().front()->layout(layer);
    write_pages(context, qkv[1], qkv[2], pass.page_table, pass.device.segments, layout);
    mixed = attention_paged(context, qkv[0], pass.page_table, pass.device.segments, options, layout,
                            pass.longest_key_count);
  } else {
    mixed = attention(context, qkv[0], qkv[1], qkv[2], pass.device.segments, options);
  }
  qkv.clear();
  return apply_linear_group(model, pass, body.output_group, mixed).front();
}

Tensor run_feed_forward(const Transformer& model, Pass& pass, const FeedForwardSpec& spec, const Body& body,
                        const Tensor& x) {
  Context& context = pass.context();
  std::vector<Tensor> parts = apply_linear_group(model, pass, body.input_group, x);
  Tensor hidden = spec.gated ? gated(context, spec.activation, std::move(parts[0]), std::move(parts[1]))
                             : unary(context, spec.activation, parts[0]);
  parts.clear();
  return apply_linear_group(model, pass, body.output_group, hidden).front();
}

Tensor run_body(const Transformer& model, Pass& pass, const Body& body, int32_t layer, const Tensor& x) {
  if (const auto* attention = std::get_if<AttentionSpec>(body.spec))
    return run_attention(model, pass, *attention, body, layer, x);
  return run_feed_forward(model, pass, std::get<FeedForwardSpec>(*body.spec), body, x);
}

}  // namespace

std::vector<TransformerBlock> bind_blocks(const ModelSpec& spec, const Layout& layout) {
  std::vector<TransformerBlock> blocks;
  for (int32_t layer = 0; layer < spec.decoder.layers; ++layer) {
    TransformerBlock block;
    block.layer = layer;
    const Binder binder(layout, layer);
    for (const SublayerSpec& sublayer : spec.decoder.sublayers) block.sublayers.push_back(binder.bind(sublayer));
    blocks.push_back(std::move(block));
  }
  return blocks;
}

Tensor apply_norm(const Transformer& model, Pass& pass, const NormSpec& spec, int32_t module, const Tensor& x) {
  const Module& norm = model.module(module);
  const auto& parameters = model.layout().parameters;
  const Tensor weight = pass.parameter(parameters[static_cast<size_t>(norm.weight)], norm.weight);
  if (spec.kind == NormKind::rms) return rms_norm(pass.context(), x, weight, spec.epsilon);
  const Tensor bias = pass.parameter(parameters[static_cast<size_t>(norm.bias)], norm.bias);
  return layer_norm(pass.context(), x, weight, bias, spec.epsilon);
}

Tensor run_block(const Transformer& model, Pass& pass, const TransformerBlock& block, Tensor x) {
  Context& context = pass.context();
  for (const Sublayer& sublayer : block.sublayers) {
    const SublayerSpec& spec = *sublayer.spec;
    Tensor input = spec.norm_in ? apply_norm(model, pass, *spec.norm_in, sublayer.norm_in, x) : x;
    Tensor sum = std::move(x);
    for (size_t i = 0; i < sublayer.bodies.size(); ++i) {
      Tensor output = run_body(model, pass, sublayer.bodies[i], block.layer, input);
      if (i + 1 == sublayer.bodies.size()) input = Tensor();
      if (spec.norm_out) output = apply_norm(model, pass, *spec.norm_out, sublayer.norm_out, output);
      sum = add(context, std::move(output), sum);
    }
    x = spec.norm_sum ? apply_norm(model, pass, *spec.norm_sum, sublayer.norm_sum, sum) : sum;
  }
  return x;
}

}  // namespace peft
