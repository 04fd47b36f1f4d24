// The linear layer of the base model.
#pragma once

#include "tensor/context.h"

namespace peft {

// y = x W^T + bias (out_in) or x W + bias (in_out).  x f32 [tokens, in]; weight any dtype; bias f32 [out] or
// undefined; y [tokens, out], freshly made: nothing keeps its buffer, so it may be added to in place
// (ops/low_rank.h, add()). Arithmetic is context.arithmetic. Keeps x only when the weight trains (f32 then).
// Code::mismatch on sizes.
Tensor linear(Context& context, const Tensor& x, const Tensor& weight,
              WeightLayout layout = WeightLayout::out_in, const Tensor& bias = {});

}  // namespace peft
