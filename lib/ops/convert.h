// Changes of element type.
#pragma once

#include "tensor/context.h"

namespace peft {

// A dense copy of x as `dtype`: f32 or bf16 from anything, f16 from f32, bf16 and f16. Code::unsupported
// otherwise. Without gradient, as are all below but as_activation().
Tensor to_dtype(Context& context, const Tensor& x, DType dtype);
// x as an activation of `dtype`, f32 or bf16, with its gradient; x itself where it is of that type.
Tensor as_activation(Context& context, const Tensor& x, DType dtype);
// x as dense f32; a copy even when x is f32 already.
Tensor dequantized(Context& context, const Tensor& x);
// x (f32 or bf16) in NF4; `dtype` nf4 or nf4_double.
Tensor quantized_nf4(Context& context, const Tensor& x, DType dtype);

}  // namespace peft
