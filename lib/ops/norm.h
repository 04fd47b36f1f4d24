// Normalization over the last dimension.
#pragma once

#include "tensor/context.h"

namespace peft {

// x * weight / sqrt(mean(x^2) + epsilon) (Zhang and Sennrich 2019).  x [rows, columns]; weight f32 [columns],
// may train. Keeps x and one float a row.
Tensor rms_norm(Context& context, const Tensor& x, const Tensor& weight, float epsilon);

// (x - mean) / sqrt(variance + epsilon) * weight + bias.  weight, bias f32 [columns], either may train. Keeps
// x and two floats a row.
Tensor layer_norm(Context& context, const Tensor& x, const Tensor& weight, const Tensor& bias, float epsilon);

}  // namespace peft
