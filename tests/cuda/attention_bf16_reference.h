// Attention of bf16 in double precision, and how far a kernel may be from it.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "base/half.h"
#include "cuda/device_matrix.h"

// Behind the others: from here on `testing` is peft::testing inside of peft.
#include "cpu/attention_reference.h"

namespace peft {

// Bits of bf16; the type tells DeviceMatrix which it is.
using HalfMatrix = DeviceMatrix<uint16_t>;

inline void round_to_bfloat16(testing::Floats32& values) {
  for (int64_t r = 0; r < values.rows(); ++r)
    for (int64_t c = 0; c < values.columns(); ++c)
      values.at(r, c) = bfloat16_to_float(float_to_bfloat16(values.at(r, c)));
}

// Sums that a kernel makes of rounded terms, and is to round again.
struct BoundedSums {
  int64_t columns;
  std::vector<double> value;
  std::vector<double> rounded;  // of the magnitudes of the terms of which one factor is rounded to bf16
  std::vector<double> exact;    // of the magnitudes of all that was added up before in f32

  BoundedSums(int64_t rows, int64_t columns_)
      : columns(columns_), value(static_cast<size_t>(rows * columns_)), rounded(value), exact(value) {}

  void add(int64_t r, int64_t c, double term, double exact_magnitude) {
    const auto i = static_cast<size_t>(r * columns + c);
    value[i] += term;
    rounded[i] += std::abs(term);
    exact[i] += exact_magnitude;
  }

  // Half a unit in the last place of bf16 is up to 2^-8 of a number: once for each rounded factor, once for the result.
  // What is f32 is off by the errors of the scores in the exponent: sums of up to 256 products, in all up to 30 in
  // magnitude, times the scale; 2^-16.
  ::testing::AssertionResult near(const HalfMatrix& found) const {
    for (int64_t r = 0; r < found.rows(); ++r) {
      for (int64_t c = 0; c < found.columns(); ++c) {
        const auto i = static_cast<size_t>(r * columns + c);
        const double have = static_cast<double>(bfloat16_to_float(found.at(r, c)));
        const double bound = 0x1p-8 * (rounded[i] + std::abs(value[i])) + 0x1p-16 * exact[i];
        if (!(std::abs(have - value[i]) <= bound))
          return ::testing::AssertionFailure() << "row " << r << ", column " << c << ": found " << have
                                               << ", expected " << value[i] << ", bound " << bound;
      }
    }
    return ::testing::AssertionSuccess();
  }
};

struct BoundedAttention {
  BoundedSums out, dq, dk, dv;
  std::vector<double> lse;
  testing::Floats32 rounded_out, rounded_lse;  // as a backward pass gets them; its delta is of this out

  explicit BoundedAttention(testing::AttentionProblem& problem)
      : out(problem.q.rows(), problem.q.columns()),
        dq(out),
        dk(problem.k.rows(), problem.k.columns()),
        dv(dk),
        lse(static_cast<size_t>(problem.q.rows() * problem.options.heads)),
        rounded_out(problem.q.rows(), problem.q.columns()),
        rounded_lse(problem.q.rows(), problem.options.heads) {
    for (int64_t s = 0; s < problem.segments.rows(); ++s)
      for (int32_t h = 0; h < problem.options.heads; ++h)
        for (int32_t j = 0; j < problem.segments.at(s, 1); ++j) add_query(problem, s, h, j);
  }

 private:
  static double number(float value) { return static_cast<double>(value); }

  void add_query(testing::AttentionProblem& problem, int64_t s, int32_t h, int32_t j) {
    const AttentionOptions& o = problem.options;
    const int64_t width = o.head_dim, column = h * width, kv_column = h / (o.heads / o.kv_heads) * width;
    const int64_t row = problem.segments.at(s, 0) + j, key_begin = problem.segments.at(s, 2);
    const int64_t keys = problem.segments.at(s, 3), position = keys - problem.segments.at(s, 1) + j;
    const int64_t low = o.window > 0 ? std::max<int64_t>(0, position - o.window + 1) : 0;
    const int64_t high = o.causal ? std::min(keys, position + 1) : keys;
    const double scale = number(o.scale);
    double maximum = -std::numeric_limits<double>::infinity(), sum = 0;
    std::vector<double> p, dp, dp_size;
    for (int64_t t = low; t < high; ++t) {
      double score = 0, product = 0, size = 0;
      for (int64_t i = 0; i < width; ++i) {
        const double v = number(problem.v.at(key_begin + t, kv_column + i));
        score += number(problem.q.at(row, column + i)) * number(problem.k.at(key_begin + t, kv_column + i));
        product += number(problem.dout.at(row, column + i)) * v;
        size += std::abs(number(problem.dout.at(row, column + i)) * v);
      }
      p.push_back(scale * score);
      dp.push_back(product);
      dp_size.push_back(size);
      maximum = std::max(maximum, scale * score);
    }
    for (double& value : p) sum += value = std::exp(value - maximum);
    const double log_sum = p.empty() ? maximum : maximum + std::log(sum);
    lse[static_cast<size_t>(row * o.heads + h)] = log_sum;
    rounded_lse.at(row, h) = static_cast<float>(log_sum);
    double delta = 0, delta_size = 0;
    for (int64_t i = 0; i < width; ++i) {
      for (int64_t t = low; t < high; ++t) {
        const double term = p[static_cast<size_t>(t - low)] / sum * number(problem.v.at(key_begin + t, kv_column + i));
        out.add(row, column + i, term, std::abs(term));
      }
      float& rounded = rounded_out.at(row, column + i);
      rounded = static_cast<float>(out.value[static_cast<size_t>(row * out.columns + column + i)]);
      rounded = bfloat16_to_float(float_to_bfloat16(rounded));
      delta += number(rounded) * number(problem.dout.at(row, column + i));
      delta_size += std::abs(number(rounded) * number(problem.dout.at(row, column + i)));
    }
    for (int64_t t = low; t < high; ++t) {
      const auto index = static_cast<size_t>(t - low);
      const double probability = p[index] / sum, ds = scale * probability * (dp[index] - delta);
      const double ds_size = std::abs(scale) * probability * (dp_size[index] + delta_size);
      for (int64_t i = 0; i < width; ++i) {
        const double k = number(problem.k.at(key_begin + t, kv_column + i)), q = number(problem.q.at(row, column + i)),
                     up = number(problem.dout.at(row, column + i));
        dq.add(row, column + i, ds * k, ds_size * std::abs(k));
        dk.add(key_begin + t, kv_column + i, ds * q, ds_size * std::abs(q));
        dv.add(key_begin + t, kv_column + i, probability * up, probability * std::abs(up));
      }
    }
  }
};

}  // namespace peft
