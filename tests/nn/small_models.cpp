#include "nn/small_models.h"

#include <random>

namespace peft::test {

namespace {

AttentionSpec attention(int32_t heads, int32_t kv_heads, int32_t head_dim) {
  AttentionSpec spec;
  spec.heads = heads;
  spec.kv_heads = kv_heads;
  spec.head_dim = head_dim;
  spec.scale = 0.4f;
  return spec;
}

RopeSpec rope(int32_t rotary_dim, RopeScaling scaling = RopeScaling::none) {
  RopeSpec spec;
  spec.base = 100;
  spec.rotary_dim = rotary_dim;
  spec.scaling = scaling;
  spec.factor = 4;
  spec.original_context = 16;
  return spec;
}

FeedForwardSpec feed_forward(bool gated, UnaryKind activation, bool bias = false) {
  FeedForwardSpec spec;
  spec.hidden = 24;
  spec.gated = gated;
  spec.activation = activation;
  spec.bias = bias;
  return spec;
}

ModelSpec model(std::vector<SublayerSpec> sublayers, std::optional<NormSpec> final_norm) {
  ModelSpec spec;
  spec.family = "small";
  spec.vocabulary = 19;
  spec.width = 16;
  spec.context_length = 64;
  spec.decoder.layers = 2;
  spec.decoder.sublayers = std::move(sublayers);
  spec.decoder.final_norm = final_norm;
  return spec;
}

constexpr NormSpec rms{NormKind::rms, 1e-5f}, layer{NormKind::layer, 1e-3f};

}  // namespace

std::vector<SmallModel> small_models() {
  std::vector<SmallModel> models;
  {
    AttentionSpec grouped = attention(4, 2, 4);
    grouped.rope = rope(4);
    ModelSpec spec =
        model({{rms, {grouped}, {}, {}}, {rms, {feed_forward(true, UnaryKind::silu)}, {}, {}}}, rms);
    spec.tied_head = true;
    models.push_back({"norm_in", spec});
  }
  {
    AttentionSpec fused = attention(2, 2, 8);
    fused.fused_qkv = fused.qkv_bias = fused.output_bias = true;
    fused.layout = WeightLayout::in_out;
    FeedForwardSpec plain = feed_forward(false, UnaryKind::gelu_tanh, true);
    plain.layout = WeightLayout::in_out;
    ModelSpec spec = model({{layer, {fused}, {}, {}}, {layer, {plain}, {}, {}}}, layer);
    spec.learned_positions = 40;
    models.push_back({"fused_and_turned", spec});
  }
  {
    AttentionSpec both_ways = attention(4, 4, 4);
    both_ways.causal = false;
    both_ways.qkv_bias = both_ways.output_bias = true;
    ModelSpec spec = model(
        {{{}, {both_ways}, {}, layer}, {{}, {feed_forward(false, UnaryKind::gelu, true)}, {}, layer}}, {});
    spec.learned_positions = 40;
    models.push_back({"norm_sum", spec});
  }
  {
    AttentionSpec windowed = attention(4, 1, 6);
    windowed.rope = rope(4, RopeScaling::linear);  // a part of each head
    ModelSpec spec =
        model({{{}, {windowed}, rms, {}}, {{}, {feed_forward(true, UnaryKind::gelu)}, rms, {}}}, rms);
    spec.decoder.windows = {0, 3};
    models.push_back({"norm_out", spec});
  }
  {
    AttentionSpec normed = attention(2, 1, 8);
    normed.rope = rope(8, RopeScaling::llama3);
    normed.head_norm = rms;
    normed.qkv_bias = true;
    models.push_back(
        {"two_bodies", model({{rms, {normed, feed_forward(true, UnaryKind::silu)}, {}, {}}}, rms)});
  }
  {
    AttentionSpec each = attention(2, 2, 4);
    each.rope = rope(4);
    models.push_back({"norm_everywhere", model({{rms, {each}, rms, layer},
                                                {layer, {feed_forward(false, UnaryKind::relu)}, layer, rms}},
                                               {})});
  }
  return models;
}

bool is_causal(const ModelSpec& spec) {
  for (const SublayerSpec& sublayer : spec.decoder.sublayers)
    for (const BodySpec& body : sublayer.bodies)
      if (const auto* found = std::get_if<AttentionSpec>(&body)) return found->causal;
  return true;
}

std::unique_ptr<Transformer> make_transformer(const ModelSpec& spec, Context& context, Weights& weights) {
  auto result = std::make_unique<Transformer>(spec);
  std::mt19937 random(7);
  std::uniform_real_distribution<float> uniform(-0.6f, 0.6f);
  std::vector<Parameter>& parameters = result->layout().parameters;
  for (Parameter& parameter : parameters) {
    parameter.path = parameter.name;
    if (parameter.tied_to != no_parameter) {
      const Parameter& other = parameters[static_cast<size_t>(parameter.tied_to)];
      parameter.value = other.value;
      weights[parameter.name] = weights[other.name];
      continue;
    }
    std::vector<float> values(static_cast<size_t>(parameter.shape.elements()));
    const bool norm = parameter.shape.rank() == 1 && parameter.name.ends_with(".weight");
    for (float& value : values) value = uniform(random) + (norm ? 1.0f : 0.0f);
    weights[parameter.name] = Numbers(values.begin(), values.end());
    parameter.value = context.from_host(values, parameter.shape);
  }
  return result;
}

}  // namespace peft::test
