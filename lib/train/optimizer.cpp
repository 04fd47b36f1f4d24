#include "train/optimizer.h"

#include <cmath>

#include "autograd/tape.h"

namespace peft {

Optimizer::Optimizer(Context& context, std::vector<Tensor>& parameters)
    : context_(context), parameters_(parameters) {
  for (Tensor& parameter : parameters_) {
    gradients_.push_back(context.zeros(parameter.shape()));
    first_moments_.push_back(context.zeros(parameter.shape()));
    second_moments_.push_back(context.zeros(parameter.shape()));
    make_leaf(parameter, gradients_.back());
  }
}

void Optimizer::zero_gradients() {
  for (Tensor& gradient : gradients_) context_.backend().fill(gradient.view(), 0.0f);
}

// One slot a tensor, summed on the host in double precision and in order.
double Optimizer::gradient_norm() {
  const auto count = static_cast<int64_t>(gradients_.size());
  Tensor squares = context_.zeros({count, 1});
  for (int64_t i = 0; i < count; ++i)
    context_.backend().sum_squares(gradients_[static_cast<size_t>(i)].const_view(),
                                   squares.row_range(i, 1).view());
  double sum = 0;
  for (const float square : context_.to_host(squares)) sum += square;
  return std::sqrt(sum);
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
  for (size_t i = 0; i < parameters_.size(); ++i)
    context_.backend().adamw(adamw, gradients_[i].const_view(), parameters_[i].view(),
                             first_moments_[i].view(), second_moments_[i].view());
}

int64_t Optimizer::gradient_bytes() const {
  int64_t bytes = 0;
  for (const Tensor& gradient : gradients_) bytes += gradient.elements() * 4;
  return bytes;
}

int64_t Optimizer::state_bytes() const { return 2 * gradient_bytes(); }

}  // namespace peft
