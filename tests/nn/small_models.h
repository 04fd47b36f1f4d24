// Small models of every shape that a spec can take, with random weights, and the same model in double
// precision.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "nn/transformer.h"

namespace peft::test {

using Numbers = std::vector<double>;
// Values by the parameter's name.
using Weights = std::map<std::string, Numbers>;

struct SmallModel {
  std::string name;
  ModelSpec spec;
};

// Every norm placement and every knob of the spec is in one of them.
std::vector<SmallModel> small_models();
bool is_causal(const ModelSpec& spec);

// A transformer with random weights; `weights` receives them.
std::unique_ptr<Transformer> make_transformer(const ModelSpec& spec, Context& context, Weights& weights);

// Logits [ids, vocabulary] of one row, after the equation in nn/spec.h; attention as Vaswani et al. 2017 have
// it, rotation as Su et al. 2021 in the half-split order of Transformers.
Numbers reference_logits(const ModelSpec& spec, const Weights& weights, const std::vector<int32_t>& ids);

}  // namespace peft::test
