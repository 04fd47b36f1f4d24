// The maths of the kernel list in double precision, written for reading.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "base/random.h"
#include "tensor/kernel_types.h"

namespace peft::reference {

using Vector = std::vector<double>;

// y[m,n] = a[m,k] b[n,k]^T
inline Vector multiply_nt(const Vector& a, const Vector& b, size_t m, size_t n, size_t k) {
  Vector y(m * n);
  for (size_t i = 0; i < m; ++i)
    for (size_t j = 0; j < n; ++j)
      for (size_t l = 0; l < k; ++l) y[i * n + j] += a[i * k + l] * b[j * k + l];
  return y;
}

inline Vector transposed(const Vector& x, size_t rows, size_t columns) {
  Vector y(x.size());
  for (size_t i = 0; i < rows; ++i)
    for (size_t j = 0; j < columns; ++j) y[j * rows + i] = x[i * columns + j];
  return y;
}

inline double unary(UnaryKind kind, double x) {
  switch (kind) {
    case UnaryKind::silu:
      return x / (1 + std::exp(-x));
    case UnaryKind::gelu:
      return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0)));
    case UnaryKind::gelu_tanh:
      return 0.5 * x * (1 + std::tanh(std::sqrt(2 / 3.14159265358979323846) * (x + 0.044715 * x * x * x)));
    case UnaryKind::relu:
      return x > 0 ? x : 0;
    case UnaryKind::tanh:
      return std::tanh(x);
    case UnaryKind::sigmoid:
      return 1 / (1 + std::exp(-x));
  }
  return 0;
}

// 0 or 1 / (1 - probability), as the kernel list defines dropout's bits.
inline double dropout_factor(const DropoutOptions& options, int32_t row, int32_t position, uint32_t column) {
  const uint64_t key =
      (static_cast<uint32_t>(options.seed) ^ (options.module * 0x9E3779B9u)) | (options.seed >> 32 << 32);
  const uint64_t low = (column / 4) | uint64_t{static_cast<uint32_t>(position)} << 32;
  const uint64_t high = static_cast<uint32_t>(row) | uint64_t{options.step} << 32;
  const float uniform = uniform_from_bits(Philox::generate(key, high, low)[column % 4]);
  return uniform >= options.probability ? 1.0 / (1.0 - options.probability) : 0.0;
}

inline Vector rms_norm(const Vector& x, const Vector& weight, double epsilon) {
  const size_t columns = weight.size();
  Vector y(x.size());
  for (size_t r = 0; r < x.size() / columns; ++r) {
    double squares = 0;
    for (size_t c = 0; c < columns; ++c) squares += x[r * columns + c] * x[r * columns + c];
    const double rstd = 1 / std::sqrt(squares / static_cast<double>(columns) + epsilon);
    for (size_t c = 0; c < columns; ++c) y[r * columns + c] = x[r * columns + c] * rstd * weight[c];
  }
  return y;
}

inline Vector layer_norm(const Vector& x, const Vector& weight, const Vector& bias, double epsilon) {
  const size_t columns = weight.size();
  const auto n = static_cast<double>(columns);
  Vector y(x.size());
  for (size_t r = 0; r < x.size() / columns; ++r) {
    double mean = 0, variance = 0;
    for (size_t c = 0; c < columns; ++c) mean += x[r * columns + c] / n;
    for (size_t c = 0; c < columns; ++c) variance += std::pow(x[r * columns + c] - mean, 2) / n;
    for (size_t c = 0; c < columns; ++c) {
      y[r * columns + c] = (x[r * columns + c] - mean) / std::sqrt(variance + epsilon) * weight[c] + bias[c];
    }
  }
  return y;
}

// table [positions, rotary_dim]: cosines, then sines
inline Vector rope(const RopeOptions& options, const Vector& x, const std::vector<int32_t>& positions,
                   const std::vector<float>& table) {
  Vector y = x;
  const auto width = static_cast<size_t>(options.heads * options.head_dim),
             half = static_cast<size_t>(options.rotary_dim / 2);
  for (size_t r = 0; r < positions.size(); ++r) {
    const float* cosine = table.data() + static_cast<size_t>(positions[r]) * 2 * half;
    for (size_t h = 0; h < static_cast<size_t>(options.heads); ++h) {
      for (size_t i = 0; i < half; ++i) {
        const size_t at = r * width + h * static_cast<size_t>(options.head_dim) + i;
        const double c = cosine[i], s = options.inverse ? -cosine[half + i] : cosine[half + i];
        y[at] = x[at] * c - x[at + half] * s;
        y[at + half] = x[at + half] * c + x[at] * s;
      }
    }
  }
  return y;
}

inline Vector attention(const AttentionOptions& o, const Vector& q, const Vector& k, const Vector& v,
                        const std::vector<AttentionSegment>& segments) {
  const auto d = static_cast<size_t>(o.head_dim), heads = static_cast<size_t>(o.heads),
             kv = static_cast<size_t>(o.kv_heads);
  Vector out(q.size());
  for (const AttentionSegment& s : segments) {
    for (size_t h = 0; h < heads; ++h) {
      const size_t key_head = h / (heads / kv);
      for (int32_t j = 0; j < s.query_count; ++j) {
        const int32_t place = s.key_count - s.query_count + j;
        const int32_t last = o.causal ? place : s.key_count - 1;
        const int32_t first = o.window > 0 ? std::max(0, place - o.window + 1) : 0;
        const double* query = q.data() + (static_cast<size_t>(s.query_begin + j) * heads + h) * d;
        double* result = out.data() + (static_cast<size_t>(s.query_begin + j) * heads + h) * d;
        Vector scores;
        double largest = -std::numeric_limits<double>::infinity(), total = 0;
        for (int32_t t = first; t <= last; ++t) {
          const double* key = k.data() + (static_cast<size_t>(s.key_begin + t) * kv + key_head) * d;
          double score = 0;
          for (size_t i = 0; i < d; ++i) score += query[i] * key[i];
          scores.push_back(score * o.scale);
          largest = std::max(largest, scores.back());
        }
        for (double& score : scores) total += score = std::exp(score - largest);
        for (int32_t t = first; t <= last; ++t) {
          const double* value = v.data() + (static_cast<size_t>(s.key_begin + t) * kv + key_head) * d;
          for (size_t i = 0; i < d; ++i)
            result[i] += scores[static_cast<size_t>(t - first)] / total * value[i];
        }
      }
    }
  }
  return out;
}

// Loss of one row of logits.
inline double cross_entropy(const double* logits, size_t columns, int32_t label) {
  if (label < 0) return 0;
  double largest = logits[0], total = 0;
  for (size_t c = 0; c < columns; ++c) largest = std::max(largest, logits[c]);
  for (size_t c = 0; c < columns; ++c) total += std::exp(logits[c] - largest);
  return std::log(total) + largest - logits[label];
}

}  // namespace peft::reference
