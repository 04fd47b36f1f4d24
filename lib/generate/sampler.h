// Choosing the next token from logits. Filters in Transformers' order: repetition penalty, temperature,
// top-k, top-p, min-p (generation/logits_process.py).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace peft {

struct SamplingOptions {
  double temperature = 0;  // 0: greedy
  int64_t top_k = 0;       // 0: all
  double top_p = 1;        // 1: all
  double min_p = 0;        // 0: all
  double repetition_penalty = 1;
  uint64_t seed = 0;
};

void check_sampling(const SamplingOptions& options);  // Code::invalid_argument

struct Choice {
  int32_t token = 0;
  double log_probability = 0;  // before any filter
};

// `draw` numbers the draws of one generation: the same (seed, draw) gives the same choice. `history` are the
// tokens that the repetition penalty counts. Ties go to the lower id. Code::numeric when no logit is finite
// or one is NaN.
Choice choose_token(std::span<const float> logits, std::span<const int32_t> history,
                    const SamplingOptions& options, uint64_t draw);

}  // namespace peft
