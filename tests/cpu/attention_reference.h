// Attention and its gradient in double precision, straight from the definition.
#pragma once

#include <cmath>
#include <limits>
#include <vector>

#include "support.h"

namespace peft::testing {

// Everything an attention call takes and gives; lse and gradients too.
struct AttentionProblem {
  AttentionOptions options;
  Floats32 q, k, v, dout;
  Ints32 segments;

  AttentionProblem(int32_t heads, int32_t kv_heads, int32_t head_dim, int64_t queries, int64_t keys,
                   const std::vector<AttentionSegment>& list)
      : q(queries, int64_t{heads} * head_dim, 3),
        k(keys, int64_t{kv_heads} * head_dim, 5),
        v(keys, int64_t{kv_heads} * head_dim, 1),
        dout(queries, int64_t{heads} * head_dim, 2),
        segments(static_cast<int64_t>(list.size()), 4) {
    options.heads = heads;
    options.kv_heads = kv_heads;
    options.head_dim = head_dim;
    options.scale = static_cast<float>(1 / std::sqrt(static_cast<double>(head_dim)));
    q.randomize(1, 1.5f);
    k.randomize(2, 1.5f);
    v.randomize(3);
    dout.randomize(4);
    for (size_t s = 0; s < list.size(); ++s) {
      const auto row = static_cast<int64_t>(s);
      segments.at(row, 0) = list[s].query_begin;
      segments.at(row, 1) = list[s].query_count;
      segments.at(row, 2) = list[s].key_begin;
      segments.at(row, 3) = list[s].key_count;
    }
  }
};

struct AttentionResult {
  std::vector<double> out, lse, dq, dk, dv;
};

inline AttentionResult reference_attention(AttentionProblem& problem) {
  const AttentionOptions& o = problem.options;
  const int64_t width = o.head_dim, heads = o.heads, kv_heads = o.kv_heads, group = heads / kv_heads;
  AttentionResult result;
  result.out.resize(static_cast<size_t>(problem.q.rows() * heads * width));
  result.dq = result.out;
  result.lse.resize(static_cast<size_t>(problem.q.rows() * heads));
  result.dk.resize(static_cast<size_t>(problem.k.rows() * kv_heads * width));
  result.dv = result.dk;
  const double scale = static_cast<double>(o.scale);
  for (int64_t s = 0; s < problem.segments.rows(); ++s) {
    const int64_t query_begin = problem.segments.at(s, 0), query_count = problem.segments.at(s, 1);
    const int64_t key_begin = problem.segments.at(s, 2), key_count = problem.segments.at(s, 3);
    for (int64_t h = 0; h < heads; ++h) {
      const int64_t query_column = h * width, key_column = h / group * width;
      for (int64_t j = 0; j < query_count; ++j) {
        const int64_t row = query_begin + j, position = key_count - query_count + j;
        std::vector<double> p(static_cast<size_t>(key_count), -std::numeric_limits<double>::infinity());
        double maximum = -std::numeric_limits<double>::infinity();
        for (int64_t t = 0; t < key_count; ++t) {
          if (o.causal && t > position) continue;
          if (o.window > 0 && t <= position - o.window) continue;
          double score = 0;
          for (int64_t i = 0; i < width; ++i)
            score += static_cast<double>(problem.q.at(row, query_column + i)) *
                     static_cast<double>(problem.k.at(key_begin + t, key_column + i));
          p[static_cast<size_t>(t)] = score * scale;
          maximum = std::max(maximum, score * scale);
        }
        double sum = 0;
        if (maximum > -1e300)
          for (double& value : p) sum += value = std::exp(value - maximum);
        result.lse[static_cast<size_t>(row * heads + h)] = sum > 0 ? maximum + std::log(sum) : maximum;
        if (!(sum > 0)) continue;
        std::vector<double> dp(p.size());
        double delta = 0;
        for (int64_t t = 0; t < key_count; ++t) {
          double& probability = p[static_cast<size_t>(t)];
          probability /= sum;
          for (int64_t i = 0; i < width; ++i) {
            const double value = static_cast<double>(problem.v.at(key_begin + t, key_column + i));
            const double up = static_cast<double>(problem.dout.at(row, query_column + i));
            result.out[static_cast<size_t>(row * heads * width + query_column + i)] += probability * value;
            result.dv[static_cast<size_t>((key_begin + t) * kv_heads * width + key_column + i)] +=
                probability * up;
            dp[static_cast<size_t>(t)] += up * value;
          }
          delta += probability * dp[static_cast<size_t>(t)];
        }
        for (int64_t t = 0; t < key_count; ++t) {
          const double ds = p[static_cast<size_t>(t)] * (dp[static_cast<size_t>(t)] - delta) * scale;
          for (int64_t i = 0; i < width; ++i) {
            result.dq[static_cast<size_t>(row * heads * width + query_column + i)] +=
                ds * static_cast<double>(problem.k.at(key_begin + t, key_column + i));
            result.dk[static_cast<size_t>((key_begin + t) * kv_heads * width + key_column + i)] +=
                ds * static_cast<double>(problem.q.at(row, query_column + i));
          }
        }
      }
    }
  }
  return result;
}

// Largest difference over all elements, against the largest magnitude of the reference (at least 1).
inline double worst_error(const Floats32& found, const std::vector<double>& expected) {
  double error = 0, size = 1;
  for (int64_t r = 0; r < found.rows(); ++r)
    for (int64_t c = 0; c < found.columns(); ++c) {
      const double want = expected[static_cast<size_t>(r * found.columns() + c)],
                   have = static_cast<double>(found.at(r, c));
      if (want == have) continue;  // infinities too
      error = std::max(error,
                       std::isfinite(have) ? std::abs(want - have) : std::numeric_limits<double>::infinity());
      size = std::max(size, std::abs(want));
    }
  return error / size;
}

}  // namespace peft::testing
