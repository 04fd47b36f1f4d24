// AdamW over a list of leaves, in the arithmetic of torch.optim.AdamW (Loshchilov and Hutter 2019).
#pragma once

#include <cstdint>
#include <vector>

#include "tensor/flat.h"
#include "train/options.h"

namespace peft {

// Owns the gradients and both moments; parameters are borrowed. One thread.
class Optimizer {
 public:
  // Makes leaves of the parts of `parameters` (autograd/tape.h). Moments on the host, which only the update itself
  // touches, are read and written over the bus: 16 bytes a parameter and step.
  Optimizer(Context& context, FlatTensors& parameters, MemoryPlace moments = MemoryPlace::device);

  void zero_gradients();
  // The square of the Euclidean norm over all gradients, [1], where kernels are; not finite when one is not.
  Tensor squared_norm();
  // One update with gradients multiplied by `gradient_scale`. Counts a step for the bias corrections.
  void step(const TrainerOptions& options, double learning_rate, double gradient_scale);

  int64_t steps() const { return steps_; }  // updates made
  void set_steps(int64_t steps) { steps_ = steps; }
  std::vector<Tensor>& first_moments() { return first_moments_.parts; }
  std::vector<Tensor>& second_moments() { return second_moments_.parts; }
  int64_t state_bytes() const;  // both moments
  int64_t gradient_bytes() const;

 private:
  Context& context_;
  FlatTensors& parameters_;
  FlatTensors gradients_, first_moments_, second_moments_;
  int64_t steps_ = 0;
};

}  // namespace peft
