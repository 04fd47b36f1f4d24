#include <algorithm>
#include <cmath>
#include <numbers>

#include "nn/small_models.h"

namespace peft::test {

namespace {

// [tokens, columns]
struct Matrix {
  int64_t rows = 0, columns = 0;
  Numbers values;
  Matrix(int64_t r, int64_t c) : rows(r), columns(c), values(static_cast<size_t>(r * c)) {}
  double& at(int64_t r, int64_t c) { return values[static_cast<size_t>(r * columns + c)]; }
  double at(int64_t r, int64_t c) const { return values[static_cast<size_t>(r * columns + c)]; }
  Matrix columns_of(int64_t begin, int64_t count) const {
    Matrix part(rows, count);
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t c = 0; c < count; ++c) part.at(r, c) = at(r, begin + c);
    return part;
  }
};

double activate(UnaryKind kind, double x) {
  switch (kind) {
    case UnaryKind::silu:
      return x / (1 + std::exp(-x));
    case UnaryKind::gelu:
      return 0.5 * x * (1 + std::erf(x / std::numbers::sqrt2));
    case UnaryKind::gelu_tanh:
      return 0.5 * x * (1 + std::tanh(std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x)));
    case UnaryKind::relu:
      return std::max(x, 0.0);
    case UnaryKind::tanh:
      return std::tanh(x);
    case UnaryKind::sigmoid:
      return 1 / (1 + std::exp(-x));
  }
  return x;
}

class Reference {
 public:
  Reference(const ModelSpec& spec, const Weights& weights) : spec_(spec), weights_(weights) {}

  Numbers logits(const std::vector<int32_t>& ids) {
    Matrix x(static_cast<int64_t>(ids.size()), spec_.width);
    for (int64_t t = 0; t < x.rows; ++t)
      for (int64_t c = 0; c < x.columns; ++c) {
        x.at(t, c) = weight("embedding.weight", ids[static_cast<size_t>(t)] * spec_.width + c);
        if (spec_.learned_positions > 0) x.at(t, c) += weight("position.weight", t * spec_.width + c);
      }
    for (layer_ = 0; layer_ < spec_.decoder.layers; ++layer_)
      for (const SublayerSpec& sublayer : spec_.decoder.sublayers) x = run(sublayer, x);
    if (spec_.decoder.final_norm) x = norm(*spec_.decoder.final_norm, "final_norm", x);
    return multiply("head", x, spec_.vocabulary, WeightLayout::out_in).values;
  }

 private:
  double weight(const std::string& name, int64_t index) const {
    return weights_.at(name)[static_cast<size_t>(index)];
  }

  Matrix multiply(const std::string& name, const Matrix& x, int64_t out, WeightLayout layout) const {
    const Numbers& w = weights_.at(name + ".weight");
    const auto bias = weights_.find(name + ".bias");
    Matrix y(x.rows, out);
    for (int64_t r = 0; r < x.rows; ++r)
      for (int64_t o = 0; o < out; ++o) {
        double sum = bias == weights_.end() ? 0 : bias->second[static_cast<size_t>(o)];
        for (int64_t i = 0; i < x.columns; ++i)
          sum += x.at(r, i) *
                 w[static_cast<size_t>(layout == WeightLayout::out_in ? o * x.columns + i : i * out + o)];
        y.at(r, o) = sum;
      }
    return y;
  }

  // Over `width` columns at a time: whole rows, or each head.
  Matrix norm(const NormSpec& spec, const std::string& name, const Matrix& x, int64_t width = 0) const {
    if (width == 0) width = x.columns;
    Matrix y(x.rows, x.columns);
    for (int64_t r = 0; r < x.rows; ++r)
      for (int64_t begin = 0; begin < x.columns; begin += width) {
        double mean = 0, variance = 0;
        const auto n = static_cast<double>(width);
        if (spec.kind == NormKind::layer)
          for (int64_t c = 0; c < width; ++c) mean += x.at(r, begin + c) / n;
        for (int64_t c = 0; c < width; ++c) variance += std::pow(x.at(r, begin + c) - mean, 2) / n;
        const double scale = 1 / std::sqrt(variance + static_cast<double>(spec.epsilon));
        for (int64_t c = 0; c < width; ++c)
          y.at(r, begin + c) = (x.at(r, begin + c) - mean) * scale * weight(name + ".weight", c) +
                               (spec.kind == NormKind::layer ? weight(name + ".bias", c) : 0);
      }
    return y;
  }

  static double frequency(const RopeSpec& spec, int64_t pair) {
    const double plain = std::pow(spec.base, -2.0 * static_cast<double>(pair) / spec.rotary_dim);
    if (spec.scaling == RopeScaling::none) return plain;
    if (spec.scaling == RopeScaling::linear) return plain / spec.factor;
    // Llama 3.1: by how many turns the original context holds.
    const double turns = static_cast<double>(spec.original_context) * plain / (2 * std::numbers::pi);
    if (turns < spec.low_frequency_factor) return plain / spec.factor;
    if (turns > spec.high_frequency_factor) return plain;
    const double smooth =
        (turns - spec.low_frequency_factor) / (spec.high_frequency_factor - spec.low_frequency_factor);
    return (1 - smooth) * plain / spec.factor + smooth * plain;
  }

  static void rotate(const RopeSpec& spec, Matrix& x, int64_t heads, int64_t head_dim) {
    const int64_t half = spec.rotary_dim / 2;
    for (int64_t t = 0; t < x.rows; ++t)
      for (int64_t h = 0; h < heads; ++h)
        for (int64_t i = 0; i < half; ++i) {
          const double angle = static_cast<double>(t) * frequency(spec, i);
          double &a = x.at(t, h * head_dim + i), &b = x.at(t, h * head_dim + half + i);
          const double first = a * std::cos(angle) - b * std::sin(angle);
          b = b * std::cos(angle) + a * std::sin(angle);
          a = first;
        }
  }

  Matrix body(const AttentionSpec& spec, const Matrix& x) const {
    const std::string name = prefix() + "attention.";
    const int64_t dim = spec.head_dim, q_width = spec.heads * dim, kv_width = spec.kv_heads * dim;
    const auto project = [&](const char* part, int64_t begin, int64_t width) {
      if (!spec.fused_qkv) return multiply(name + part, x, width, spec.layout);
      return multiply(name + "query_key_value", x, q_width + 2 * kv_width, spec.layout)
          .columns_of(begin, width);
    };
    Matrix q = project("query", 0, q_width), k = project("key", q_width, kv_width),
           v = project("value", q_width + kv_width, kv_width);
    if (spec.head_norm) {
      q = norm(*spec.head_norm, name + "query_norm", q, dim);
      k = norm(*spec.head_norm, name + "key_norm", k, dim);
    }
    if (spec.rope) {
      rotate(*spec.rope, q, spec.heads, dim);
      rotate(*spec.rope, k, spec.kv_heads, dim);
    }
    const int64_t window =
        spec_.decoder.windows.empty() ? 0 : spec_.decoder.windows[static_cast<size_t>(layer_)];
    Matrix mixed(x.rows, q_width);
    for (int64_t h = 0; h < spec.heads; ++h) {
      const int64_t kv = h / (spec.heads / spec.kv_heads);
      for (int64_t t = 0; t < x.rows; ++t) {
        const int64_t first = window > 0 ? std::max<int64_t>(0, t - window + 1) : 0;
        const int64_t end = spec.causal ? t + 1 : x.rows;
        Numbers shares;
        double sum = 0;
        for (int64_t s = first; s < end; ++s) {
          double score = 0;
          for (int64_t c = 0; c < dim; ++c) score += q.at(t, h * dim + c) * k.at(s, kv * dim + c);
          shares.push_back(std::exp(score * static_cast<double>(spec.scale)));
          sum += shares.back();
        }
        for (int64_t s = first; s < end; ++s)
          for (int64_t c = 0; c < dim; ++c)
            mixed.at(t, h * dim + c) += shares[static_cast<size_t>(s - first)] / sum * v.at(s, kv * dim + c);
      }
    }
    return multiply(name + "output", mixed, spec_.width, spec.layout);
  }

  Matrix body(const FeedForwardSpec& spec, const Matrix& x) const {
    const std::string name = prefix() + "feed_forward.";
    Matrix hidden = multiply(name + "up", x, spec.hidden, spec.layout);
    if (spec.gated) {
      const Matrix gate = multiply(name + "gate", x, spec.hidden, spec.layout);
      for (size_t i = 0; i < hidden.values.size(); ++i)
        hidden.values[i] *= activate(spec.activation, gate.values[i]);
    } else {
      for (double& value : hidden.values) value = activate(spec.activation, value);
    }
    return multiply(name + "down", hidden, spec_.width, spec.layout);
  }

  Matrix run(const SublayerSpec& spec, const Matrix& x) const {
    const std::string name =
        prefix() +
        (std::holds_alternative<AttentionSpec>(spec.bodies.front()) ? "attention." : "feed_forward.");
    const Matrix in = spec.norm_in ? norm(*spec.norm_in, name + "norm_in", x) : x;
    Matrix sum = x;
    for (const BodySpec& each : spec.bodies) {
      Matrix out = std::visit([&](const auto& inner) { return body(inner, in); }, each);
      if (spec.norm_out) out = norm(*spec.norm_out, name + "norm_out", out);
      for (size_t i = 0; i < out.values.size(); ++i) sum.values[i] += out.values[i];
    }
    return spec.norm_sum ? norm(*spec.norm_sum, name + "norm_sum", sum) : sum;
  }

  std::string prefix() const { return "blocks." + std::to_string(layer_) + "."; }

  const ModelSpec& spec_;
  const Weights& weights_;
  int32_t layer_ = 0;
};

}  // namespace

Numbers reference_logits(const ModelSpec& spec, const Weights& weights, const std::vector<int32_t>& ids) {
  return Reference(spec, weights).logits(ids);
}

}  // namespace peft::test
