#include "train/optimizer.h"

#include <cmath>

#include "autograd/tape.h"

namespace peft {

Optimizer::Optimizer(Context& context, FlatTensors& parameters, MemoryPlace moments)
    : context_(context), parameters_(parameters) {
  const std::vector<Shape> shapes = shapes_of(parameters.parts);
  gradients_ = flat_zeros(context, shapes);
  const FlatPlace place = moments == MemoryPlace::host ? FlatPlace::host : FlatPlace::pool;
  first_moments_ = flat_zeros(context, shapes, place);
  second_moments_ = flat_zeros(context, shapes, place);
  for (size_t i = 0; i < shapes.size(); ++i) make_leaf(parameters_.parts[i], gradients_.parts[i]);
}

void Optimizer::zero_gradients() { context_.backend().fill(gradients_.all.view(), 0.0f); }

Tensor Optimizer::squared_norm() {
  Tensor squares = context_.zeros({1});
  context_.backend().sum_squares(gradients_.all.const_view(), squares.view());
  return squares;
}

void Optimizer::step(const TrainerOptions& options, double learning_rate, double gradient_scale) {
  ++steps_;
  AdamWOptions adamw;
  adamw.learning_rate = static_cast<float>(learning_rate);
  adamw.beta1 = options.beta1;
  adamw.beta2 = options.beta2;
  adamw.epsilon = static_cast<float>(options.epsilon);
  adamw.weight_decay = static_cast<float>(options.weight_decay);
  adamw.bias_correction1 = 1.0 - std::pow(options.beta1, static_cast<double>(steps_));
  adamw.bias_correction2 = 1.0 - std::pow(options.beta2, static_cast<double>(steps_));
  adamw.gradient_scale = static_cast<float>(gradient_scale);
  context_.backend().adamw(adamw, gradients_.all.const_view(), parameters_.all.view(), first_moments_.all.view(),
                           second_moments_.all.view());
}

int64_t Optimizer::gradient_bytes() const {
  return gradients_.all.elements() * static_cast<int64_t>(sizeof(float));
}

int64_t Optimizer::state_bytes() const { return 2 * gradient_bytes(); }

}  // namespace peft
