// Sums to one number.
#pragma once

#include "tensor/context.h"

namespace peft {

// Sum of all elements of dense x, f32 [1]. Keeps nothing but the shape.
Tensor sum(Context& context, const Tensor& x);
// Sum of x[i] weights[i] over equal shapes, f32 [1]. weights get no gradient and are kept.
Tensor weighted_sum(Context& context, const Tensor& x, const Tensor& weights);

// Sum of squares of every element, f32 [1], added to `total` when given. No gradient: for the norm of
// gradients.
Tensor sum_squares(Context& context, const Tensor& x, Tensor total = {});

}  // namespace peft
