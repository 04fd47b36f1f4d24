// Matrix products: the raw call that brings its own scratch, and a differentiable one.
#pragma once

#include "tensor/context.h"

namespace peft {

// backend.matmul with scratch from the pool, which is free again on return. No gradient, no shape checks
// beyond those of MatmulKind. b: any dtype.
void matmul_into(Context& context, const MatmulOptions& options, ConstView a, ConstView b, View y);

// y = alpha * product of a and b by `kind`, f32. Keeps a when b needs a gradient and b when a does. Both f32,
// or b frozen of any dtype. Code::mismatch when the inner sizes differ.
Tensor matmul(Context& context, MatmulKind kind, const Tensor& a, const Tensor& b, float alpha = 1.0f,
              Arithmetic arithmetic = Arithmetic::float32);

}  // namespace peft
