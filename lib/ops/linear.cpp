#include "ops/linear.h"

#include "ops/matmul.h"
#include "ops/support.h"

namespace peft {

Tensor linear(Context& context, const Tensor& x, const Tensor& weight, WeightLayout layout,
              const Tensor& bias) {
  check_activation("linear", "x", context, x);
  check(weight.defined(), Code::invalid_argument, "linear: weight is undefined");
  const bool out_in = layout == WeightLayout::out_in;
  const int64_t in = out_in ? weight.columns() : weight.rows();
  const int64_t out = out_in ? weight.rows() : weight.columns();
  check(x.columns() == in, Code::mismatch, "linear: weight {}: expected x with {} columns, found {}",
        to_string(weight.shape()), in, to_string(x.shape()));
  if (bias) check_vector("linear", "bias", bias, out);
  const bool records = recording(context, {&x, &weight, &bias});
  if (records && weight.requires_grad()) check_f32("linear", "trainable weight", weight);

  MatmulOptions options;
  options.kind = out_in ? MatmulKind::nt : MatmulKind::nn;
  options.arithmetic = context.arithmetic;
  Tensor y = context.empty(Shape{x.rows(), out}, x.dtype());
  matmul_into(context, options, x.view(), weight.view(), y.view());
  if (bias) context.backend().binary(BinaryKind::add, y.const_view(), bias.view(), y.view());
  if (!records) return y;

  // int8 rounds activations of decode; a gradient is not something to round so.
  if (options.arithmetic == Arithmetic::int8) options.arithmetic = Arithmetic::float32;
  options.accumulate = true;
  record(context, "linear", y,
         [options, out_in, x_grad = x.grad(), weight_grad = weight.grad(), bias_grad = bias.grad(),
          x_shape = x.shape(), weight = weight.detached(), bias_shape = bias.shape(),
          // 4 FLOP a frozen weight and token, and no activation: x is needed for the weight's gradient only
          kept_x = weight.requires_grad() ? x.detached() : Tensor()](Context& c, const Tensor& dy) {
           if (weight_grad) {
             contribute(c, *weight_grad, weight.shape(), [&](View dw, bool accumulate) {
               MatmulOptions o = options;
               o.kind = MatmulKind::tn;
               o.accumulate = accumulate;
               if (out_in) return matmul_into(c, o, dy.view(), kept_x.view(), dw);
               matmul_into(c, o, kept_x.view(), dy.view(), dw);
             });
           }
           if (bias_grad) {
             contribute_sum(c, *bias_grad, bias_shape, [&](View db) { c.backend().sum_rows(dy.view(), db); });
           }
           if (x_grad) {
             contribute(c, *x_grad, x_shape, [&](View dx, bool accumulate) {
               MatmulOptions o = options;
               o.kind = out_in ? MatmulKind::nn : MatmulKind::nt;
               o.accumulate = accumulate;
               matmul_into(c, o, dy.view(), weight.view(), dx);
             });
           }
         });
  return y;
}

}  // namespace peft
