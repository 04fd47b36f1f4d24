#include "ops/convert.h"

#include "ops/support.h"

namespace peft {

Tensor to_dtype(Context& context, const Tensor& x, DType dtype) {
  check(x.defined(), Code::invalid_argument, "to_dtype: x is undefined");
  const bool decodes = is_quantized(x.dtype());
  check(decodes ? dtype == DType::f32 || dtype == DType::bf16 : is_floating(x.dtype()) && is_floating(dtype),
        Code::unsupported, "to_dtype: {} to {}", name_of(x.dtype()), name_of(dtype));
  Tensor y = context.empty(x.shape(), dtype);
  if (decodes) {
    context.backend().dequantize(x.view(), y.view());
  } else {
    context.backend().copy(x.view(), y.view());
  }
  return y;
}

Tensor as_activation(Context& context, const Tensor& x, DType dtype) {
  check_activation("as_activation", "x", context, x);
  if (x.dtype() == dtype) return x;
  Tensor y = to_dtype(context, x.detached(), dtype);
  check_activation("as_activation", "y", context, y);
  if (!recording(context, {&x})) return y;
  record(context, "as_activation", y, [x_grad = x.grad(), x_shape = x.shape()](Context& c, const Tensor& dy) {
    contribute(c, *x_grad, x_shape, [&](View dx, bool accumulate) {
      if (!accumulate) return c.backend().copy(dy.view(), dx);
      Tensor part = c.empty(dx.shape, dx.dtype);
      c.backend().copy(dy.view(), part.view());
      c.backend().scale(1.0f, part.const_view(), /*accumulate=*/true, dx);
    });
  });
  return y;
}

Tensor dequantized(Context& context, const Tensor& x) { return to_dtype(context, x, DType::f32); }

Tensor quantized_nf4(Context& context, const Tensor& x, DType dtype) {
  check(x.defined(), Code::invalid_argument, "quantized_nf4: x is undefined");
  check(is_nf4(dtype), Code::invalid_argument, "quantized_nf4: expected nf4 or nf4_double, found {}",
        name_of(dtype));
  check((x.dtype() == DType::f32 || x.dtype() == DType::bf16) && x.dense(), Code::unsupported,
        "quantized_nf4: expected dense f32 or bf16, found {}", name_of(x.dtype()));
  Tensor y = context.empty(x.shape(), dtype);
  context.backend().quantize_nf4(x.view(), y.view());
  return y;
}

}  // namespace peft
