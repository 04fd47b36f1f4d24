#include "support/tiny_network.h"

#include <cmath>

#include "autograd/checkpoint.h"
#include "ops/attention.h"
#include "ops/cross_entropy.h"
#include "ops/elementwise.h"
#include "ops/embedding.h"
#include "ops/gated.h"
#include "ops/linear.h"
#include "ops/low_rank.h"
#include "ops/norm.h"
#include "ops/rope.h"

namespace peft {

TinyNetwork::TinyNetwork(Context& context, const Options& o) : options(o) {
  const auto floats = [&](const std::vector<float>& values, const Shape& shape) {
    return context.from_host(values, shape);
  };
  const auto integers = [&](const std::vector<int32_t>& values, const Shape& shape) {
    return context.from_host(std::span<const int32_t>(values), shape);
  };
  const int64_t head_dim = o.width / o.heads;
  std::vector<int32_t> id_values, label_values, position_values, row_values;
  const int64_t first = o.tokens / 3;  // two documents in one batch
  for (int64_t t = 0; t < o.tokens; ++t) {
    const auto row = static_cast<int32_t>(t >= first),
               position = static_cast<int32_t>(t >= first ? t - first : t);
    id_values.push_back(static_cast<int32_t>((t * 7 + 3) % o.vocabulary));
    label_values.push_back(t % 5 == 0 ? ignored_label : static_cast<int32_t>((t * 11 + 1) % o.vocabulary));
    position_values.push_back(position);
    row_values.insert(row_values.end(), {row, position});
  }
  ids = integers(id_values, {o.tokens});
  labels = integers(label_values, {o.tokens});
  positions = integers(position_values, {o.tokens});
  row_ids = integers(row_values, {o.tokens, 2});
  const auto split = static_cast<int32_t>(first), rest = static_cast<int32_t>(o.tokens - first);
  segments = integers({0, split, 0, split, split, rest, split, rest}, {2, 4});
  std::vector<float> angles;
  for (int64_t p = 0; p < o.tokens; ++p)
    for (int64_t i = 0; i < head_dim; ++i) {
      const double angle =
          static_cast<double>(p) *
          std::pow(100.0, -2.0 * static_cast<double>(i % (head_dim / 2)) / static_cast<double>(head_dim));
      angles.push_back(static_cast<float>(i < head_dim / 2 ? std::cos(angle) : std::sin(angle)));
    }
  rope_table = floats(angles, {o.tokens, head_dim});

  table = random(context, {o.vocabulary, o.width}, 1.0f);
  head = random(context, {o.vocabulary, o.width}, 0.3f);
  const std::vector<float> ones(static_cast<size_t>(o.width), 1.0f);
  final_norm = floats(ones, {o.width});
  const int64_t kv_width = o.kv_heads * head_dim;
  for (int64_t l = 0; l < o.layers; ++l) {
    const bool trains = l >= o.lowest_trained_layer;
    Layer layer;
    layer.attention_norm = floats(ones, {o.width});
    layer.feed_forward_norm = floats(ones, {o.width});
    layer.qkv = make_group(context, o.width, {o.width, kv_width, kv_width}, trains);
    layer.output = make_group(context, o.width, {o.width}, trains);
    layer.gate_up = make_group(context, o.width, {o.hidden, o.hidden}, trains);
    layer.down = make_group(context, o.hidden, {o.width}, trains);
    layers.push_back(std::move(layer));
  }
}

Tensor TinyNetwork::random(Context& context, const Shape& shape, float scale) {
  std::vector<float> values(static_cast<size_t>(shape.elements()));
  for (float& value : values) value = scale * (static_cast<float>(generator_() >> 8) * 0x1.0p-23f - 1.0f);
  return context.from_host(values, shape);
}

TinyNetwork::Group TinyNetwork::make_group(Context& context, int64_t in, const std::vector<int64_t>& outs,
                                           bool trains) {
  Group group;
  const float scale = 1.5f / std::sqrt(static_cast<float>(in));
  const auto leaf = [&](Tensor value) {
    if (trains) make_leaf(value, context.zeros(value.shape()));
    return value;
  };
  group.a = leaf(random(context, {options.rank * static_cast<int64_t>(outs.size()), in}, scale));
  for (const int64_t out : outs) {
    group.weights.push_back(random(context, {out, in}, scale));
    group.b.push_back(leaf(random(context, {out, options.rank}, 0.3f)));
  }
  return group;
}

std::vector<Tensor> TinyNetwork::apply(Context& context, const Group& group, const Tensor& x, uint32_t module,
                                       uint32_t step_number) const {
  std::vector<Tensor> outputs;
  for (const Tensor& weight : group.weights) outputs.push_back(linear(context, x, weight));
  const RowDropout dropout{
      {.probability = options.dropout, .module = module, .step = step_number, .seed = 99}, row_ids};
  const Tensor h = shrink(context, x, group.a, {}, dropout);
  for (size_t i = 0; i < outputs.size(); ++i) {
    outputs[i] = expand_add(context, std::move(outputs[i]), h, group.b[i], 2.0f,
                            {.h_begin = static_cast<int64_t>(i) * options.rank});
  }
  return outputs;
}

Tensor TinyNetwork::run_layer(Context& context, const Tensor& x, int64_t index, uint32_t step_number) const {
  const Layer& layer = layers[static_cast<size_t>(index)];
  const auto module = static_cast<uint32_t>(index) * 4;
  const auto head_dim = static_cast<int32_t>(options.width / options.heads);
  Tensor after_attention;
  {
    std::vector<Tensor> qkv =
        apply(context, layer.qkv, rms_norm(context, x, layer.attention_norm, 1e-5f), module, step_number);
    const Tensor q = rope(context, std::move(qkv[0]), positions, rope_table,
                          {.heads = options.heads, .head_dim = head_dim, .rotary_dim = head_dim});
    const Tensor k = rope(context, std::move(qkv[1]), positions, rope_table,
                          {.heads = options.kv_heads, .head_dim = head_dim, .rotary_dim = head_dim});
    const Tensor mixed = attention(context, q, k, qkv[2], segments,
                                   {.heads = options.heads,
                                    .kv_heads = options.kv_heads,
                                    .head_dim = head_dim,
                                    .scale = 1.0f / std::sqrt(static_cast<float>(head_dim))});
    after_attention =
        add(context, std::move(apply(context, layer.output, mixed, module + 1, step_number)[0]), x);
  }
  std::vector<Tensor> gate_up =
      apply(context, layer.gate_up, rms_norm(context, after_attention, layer.feed_forward_norm, 1e-5f),
            module + 2, step_number);
  const Tensor inner = gated(context, UnaryKind::silu, std::move(gate_up[0]), std::move(gate_up[1]));
  return add(context, std::move(apply(context, layer.down, inner, module + 3, step_number)[0]),
             after_attention);
}

std::vector<float> TinyNetwork::step(Context& context, uint32_t step_number) {
  Tape tape;
  const TapeScope scope(context, &tape);
  Tensor x = embedding(context, table, ids);
  for (int64_t l = 0; l < options.layers; ++l) {
    if (options.checkpointed) {
      const bool trains = l >= options.lowest_trained_layer;
      x = checkpoint(context, std::span(&x, 1), trains,
                     [this, l, step_number](Context& c, std::span<const Tensor> inputs) {
                       return run_layer(c, inputs[0], l, step_number);
                     });
    } else {
      x = run_layer(context, x, l, step_number);
    }
  }
  x = rms_norm(context, x, final_norm, 1e-5f);
  ChunkedLoss loss = chunked_cross_entropy(
      context, x, labels, 0.125f, 10, [this](Context& c, const Tensor& h) { return linear(c, h, head); });
  if (x.requires_grad()) tape.backward(context, x, std::exchange(loss.gradient, Tensor()));
  return context.to_host(loss.losses);
}

std::vector<Tensor> TinyNetwork::trainable() const {
  std::vector<Tensor> tensors;
  for (const Layer& layer : layers) {
    for (const Group* group : {&layer.qkv, &layer.output, &layer.gate_up, &layer.down}) {
      if (group->a.requires_grad()) tensors.push_back(group->a);
      for (const Tensor& b : group->b) {
        if (b.requires_grad()) tensors.push_back(b);
      }
    }
  }
  return tensors;
}

}  // namespace peft
