// Filters against probabilities computed the long way, in Transformers' order.
#include "generate/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "support/expect_error.h"

namespace peft {
namespace {

std::vector<float> random_logits(size_t count, uint32_t seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal(0, 2);
  std::vector<float> logits(count);
  for (float& logit : logits) logit = normal(generator);
  return logits;
}

// Probability of every token after the filters; each filter sees the renormalised result of the one before.
std::vector<double> probabilities(const std::vector<float>& logits, const std::vector<int32_t>& history,
                                  const SamplingOptions& options) {
  std::vector<double> p(logits.begin(), logits.end());
  for (size_t i = 0; i < p.size(); ++i) {
    if (std::count(history.begin(), history.end(), static_cast<int32_t>(i)))
      p[i] = p[i] > 0 ? p[i] / options.repetition_penalty : p[i] * options.repetition_penalty;
    p[i] = std::exp(p[i] / options.temperature);
  }
  const auto normalise = [&] {
    const double total = std::accumulate(p.begin(), p.end(), 0.0);
    for (double& value : p) value /= total;
  };
  normalise();
  const auto rank = [&](size_t i) {
    return std::count_if(p.begin(), p.end(), [&](double other) { return other > p[i]; });
  };
  std::vector<double> kept = p;
  if (options.top_k > 0)
    for (size_t i = 0; i < p.size(); ++i)
      if (rank(i) >= options.top_k) kept[i] = 0;
  p = kept;
  normalise();
  kept = p;
  for (size_t i = 0; i < p.size(); ++i) {
    double above = 0;
    for (const double other : p) above += other > p[i] ? other : 0;
    if (options.top_p < 1 && above >= options.top_p) kept[i] = 0;
  }
  p = kept;
  normalise();
  kept = p;
  const double best = *std::max_element(p.begin(), p.end());
  for (double& value : kept)
    if (value < options.min_p * best) value = 0;
  p = kept;
  normalise();
  return p;
}

TEST(Sampler, draws_follow_the_filtered_probabilities) {
  std::vector<SamplingOptions> settings(6);
  for (SamplingOptions& each : settings) each.temperature = 0.8;
  settings[1].top_k = 5;
  settings[2].top_p = 0.7;
  settings[3].min_p = 0.1;
  settings[4].repetition_penalty = 1.7;
  settings[5] = {1.3, 12, 0.9, 0.05, 1.2, 7};
  const std::vector<int32_t> history = {3, 3, 17, 28};
  const std::vector<float> logits = random_logits(40, 5);
  constexpr int draws = 40000;
  for (const SamplingOptions& options : settings) {
    const std::vector<double> expected = probabilities(logits, history, options);
    std::vector<int> counts(logits.size());
    for (int draw = 0; draw < draws; ++draw)
      ++counts[static_cast<size_t>(
          choose_token(logits, history, options, static_cast<uint64_t>(draw)).token)];
    for (size_t i = 0; i < counts.size(); ++i) {
      const double deviation = std::sqrt(expected[i] * (1 - expected[i]) * draws);
      EXPECT_NEAR(counts[i], expected[i] * draws, 5 * deviation + 1e-9) << i;
    }
  }
}

TEST(Sampler, greedy_takes_the_first_of_the_best) {
  const std::vector<float> logits = {1, 4, 2, 4};
  const Choice choice = choose_token(logits, {}, {}, 0);
  EXPECT_EQ(choice.token, 1);
  const double total = std::exp(1.0) + 2 * std::exp(4.0) + std::exp(2.0);
  EXPECT_NEAR(choice.log_probability, 4 - std::log(total), 1e-12);
  SamplingOptions penalty;
  penalty.repetition_penalty = 3;
  const std::vector<int32_t> history = {1, 3};
  EXPECT_EQ(choose_token(logits, history, penalty, 0).token, 2);
}

TEST(Sampler, is_a_function_of_seed_and_draw) {
  const std::vector<float> logits = random_logits(500, 9);
  SamplingOptions options;
  options.temperature = 1;
  bool other_seed = false;
  for (uint64_t draw = 0; draw < 20; ++draw) {
    options.seed = 1;
    const int32_t token = choose_token(logits, {}, options, draw).token;
    EXPECT_EQ(choose_token(logits, {}, options, draw).token, token);
    options.seed = 2;
    other_seed |= choose_token(logits, {}, options, draw).token != token;
  }
  EXPECT_TRUE(other_seed);
}

TEST(Sampler, a_tiny_temperature_is_greedy) {
  const std::vector<float> logits = random_logits(50, 3);
  SamplingOptions options;
  options.temperature = 5e-324;
  EXPECT_EQ(choose_token(logits, {}, options, 3).token, choose_token(logits, {}, {}, 0).token);
}

TEST(Sampler, refuses_what_is_not_finite_or_out_of_range) {
  EXPECT_ERROR(Code::numeric, "not finite", choose_token(std::vector<float>{1, std::nanf("")}, {}, {}, 0));
  EXPECT_ERROR(Code::numeric, "not finite",
               choose_token(std::vector<float>{-INFINITY, -INFINITY}, {}, {}, 0));
  EXPECT_EQ(choose_token(std::vector<float>{-INFINITY, -3}, {}, {}, 0).token, 1);
  SamplingOptions options;
  options.top_p = std::nan("");
  EXPECT_ERROR(Code::invalid_argument, "top_p", check_sampling(options));
  options = {};
  options.temperature = -1;
  EXPECT_ERROR(Code::invalid_argument, "temperature", check_sampling(options));
}

}  // namespace
}  // namespace peft
