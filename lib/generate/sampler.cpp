#include "generate/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <unordered_set>

#include "base/error.h"
#include "base/random.h"

namespace peft {
namespace {

struct Candidate {
  int32_t token;
  double logit;
};

double log_sum_exp(std::span<const float> logits, double maximum) {
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - maximum);
  return maximum + std::log(sum);
}

// A penalised logit moves towards less probable on either side of zero (Keskar et al. 2019).
double penalised(double logit, double penalty) { return logit > 0 ? logit / penalty : logit * penalty; }

int32_t greedy(std::span<const float> logits, const std::unordered_set<int32_t>& seen, double penalty) {
  int32_t best = 0;
  double best_logit = -std::numeric_limits<double>::infinity();
  for (size_t i = 0; i < logits.size(); ++i) {
    double logit = logits[i];
    if (!seen.empty() && seen.contains(static_cast<int32_t>(i))) logit = penalised(logit, penalty);
    if (logit > best_logit) {
      best_logit = logit;
      best = static_cast<int32_t>(i);
    }
  }
  return best;
}

bool more_probable(const Candidate& a, const Candidate& b) {
  return a.logit != b.logit ? a.logit > b.logit : a.token < b.token;
}

// Keeps the candidates that the filters leave, most probable first.
void filter(std::vector<Candidate>& candidates, const SamplingOptions& options) {
  size_t keep = candidates.size();
  if (options.top_k > 0) keep = std::min(keep, static_cast<size_t>(options.top_k));
  std::partial_sort(candidates.begin(), candidates.begin() + static_cast<ptrdiff_t>(keep), candidates.end(),
                    more_probable);
  candidates.resize(keep);
  const double maximum = candidates.front().logit;
  if (options.top_p < 1) {
    double total = 0, sum = 0;
    for (const Candidate& each : candidates) total += std::exp(each.logit - maximum);
    size_t count = 0;
    // The token that crosses the bound is kept.
    while (count < candidates.size() && (count == 0 || sum < options.top_p * total))
      sum += std::exp(candidates[count++].logit - maximum);
    candidates.resize(count);
  }
  if (options.min_p > 0) {
    const double bound = maximum + std::log(options.min_p);
    while (candidates.size() > 1 && candidates.back().logit < bound) candidates.pop_back();
  }
}

}  // namespace

void check_sampling(const SamplingOptions& options) {
  const auto in_range = [](double value, double low, double high, const char* name) {
    check(value >= low && value <= high, Code::invalid_argument, "{} must be between {} and {}, not {}", name,
          low, high, value);
  };
  in_range(options.temperature, 0, 1e6, "temperature");
  in_range(options.top_p, 1e-9, 1, "top_p");
  in_range(options.min_p, 0, 1, "min_p");
  in_range(options.repetition_penalty, 1e-3, 1e3, "repetition_penalty");
  check(options.top_k >= 0, Code::invalid_argument, "top_k must not be negative, not {}", options.top_k);
}

Choice choose_token(std::span<const float> logits, std::span<const int32_t> history,
                    const SamplingOptions& options, uint64_t draw) {
  float maximum = -std::numeric_limits<float>::infinity();
  bool nan = false;
  for (const float logit : logits) {
    nan = nan || std::isnan(logit);
    maximum = std::max(maximum, logit);
  }
  check(!nan && std::isfinite(maximum), Code::numeric, "the model's logits are not finite");
  std::unordered_set<int32_t> seen;
  if (options.repetition_penalty != 1) seen.insert(history.begin(), history.end());
  const double log_total = log_sum_exp(logits, maximum);
  if (options.temperature == 0) {
    const int32_t token = greedy(logits, seen, options.repetition_penalty);
    return {token, logits[static_cast<size_t>(token)] - log_total};
  }
  std::vector<Candidate> candidates(logits.size());
  double best = -std::numeric_limits<double>::infinity();
  for (size_t i = 0; i < logits.size(); ++i) {
    double logit = logits[i];
    if (seen.contains(static_cast<int32_t>(i))) logit = penalised(logit, options.repetition_penalty);
    candidates[i] = {static_cast<int32_t>(i), logit};
    best = std::max(best, logit);
  }
  // Distances from the best one: a tiny temperature must not make infinities of them all.
  for (Candidate& each : candidates) each.logit = (each.logit - best) / options.temperature;
  filter(candidates, options);
  double total = 0;
  for (const Candidate& each : candidates) total += std::exp(each.logit - candidates.front().logit);
  const auto bits = Philox::generate(options.seed, /*counter_high=*/0x73616d706c65, draw);
  // 53 bits, so that no token is out of reach.
  const double uniform = static_cast<double>((uint64_t{bits[0]} << 21) ^ (bits[1] >> 11)) * 0x1.0p-53;
  double left = uniform * total;
  int32_t token = candidates.back().token;
  for (const Candidate& each : candidates) {
    left -= std::exp(each.logit - candidates.front().logit);
    if (left < 0) {
      token = each.token;
      break;
    }
  }
  return {token, logits[static_cast<size_t>(token)] - log_total};
}

}  // namespace peft
