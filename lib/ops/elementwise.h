// Element-wise ops. Where a tensor is taken by value, its buffer is reused when the handle moved in is the
// only holder.
#pragma once

#include "tensor/context.h"

namespace peft {

// a + b, equal shapes. The residual sum: a is the branch's fresh output, whose buffer it takes. Keeps
// nothing.
Tensor add(Context& context, Tensor a, const Tensor& b);
// a - b and a * b, equal shapes. multiply keeps the operand whose partner needs a gradient.
Tensor subtract(Context& context, const Tensor& a, const Tensor& b);
Tensor multiply(Context& context, const Tensor& a, const Tensor& b);

// x[r,:] + row for every r.  x [tokens, columns]; row f32 [columns], may train. Keeps nothing.
Tensor add_row(Context& context, Tensor x, const Tensor& row);
// x[r,:] * row (IA3's rescaling, Liu et al. 2022). Keeps x only when `row` trains, row when x needs a
// gradient.
Tensor multiply_row(Context& context, const Tensor& x, const Tensor& row);

// alpha x. Keeps nothing.
Tensor scale(Context& context, const Tensor& x, float alpha);

// f(x). Keeps x.
Tensor unary(Context& context, UnaryKind kind, const Tensor& x);

}  // namespace peft
