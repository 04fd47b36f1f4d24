#include "ops/norm.h"

#include "ops/support.h"

namespace peft {
namespace {

// Calls run(dx, accumulate) with x's destination, or with a throw-away one when only parameters train.
template <typename Run>
void with_input_gradient(Context& context, const std::shared_ptr<GradTarget>& x_grad, const Tensor& x, Run&& run) {
  if (x_grad) return contribute(context, *x_grad, x.shape(), run);
  Tensor unused = context.empty(x.shape(), x.dtype());
  run(unused.view(), /*accumulate=*/false);
}

// Calls run(destination) with the parameter's gradient, or with an empty view when it is frozen.
template <typename Run>
void with_parameter_gradient(Context& context, const std::shared_ptr<GradTarget>& grad, const Shape& shape,
                             Run&& run) {
  if (grad) return contribute_sum(context, *grad, shape, run);
  run(View());
}

}  // namespace

Tensor rms_norm(Context& context, const Tensor& x, const Tensor& weight, float epsilon) {
  check_activation("rms_norm", "x", context, x);
  check_vector("rms_norm", "weight", weight, x.columns());
  Tensor y = context.empty(x.shape(), x.dtype());
  Tensor rstd = context.empty(Shape{x.rows()});
  context.backend().rms_norm(x.view(), weight.view(), epsilon, y.view(), rstd.view());
  if (!recording(context, {&x, &weight})) return y;
  record(context, "rms_norm", y,
         [x_grad = x.grad(), weight_grad = weight.grad(), x = x.detached(), weight = weight.detached(),
          rstd = std::move(rstd)](Context& c, const Tensor& dy) {
           with_parameter_gradient(c, weight_grad, weight.shape(), [&](View dweight) {
             with_input_gradient(c, x_grad, x, [&](View dx, bool accumulate) {
               c.backend().rms_norm_backward(x.view(), weight.view(), rstd.view(), dy.view(), accumulate, dx,
                                             dweight);
             });
           });
         });
  return y;
}

Tensor layer_norm(Context& context, const Tensor& x, const Tensor& weight, const Tensor& bias,
                  float epsilon) {
  check_activation("layer_norm", "x", context, x);
  check_vector("layer_norm", "weight", weight, x.columns());
  check_vector("layer_norm", "bias", bias, x.columns());
  Tensor y = context.empty(x.shape(), x.dtype());
  Tensor mean = context.empty(Shape{x.rows()});
  Tensor rstd = context.empty(Shape{x.rows()});
  context.backend().layer_norm(x.view(), weight.view(), bias.view(), epsilon, y.view(), mean.view(),
                               rstd.view());
  if (!recording(context, {&x, &weight, &bias})) return y;
  record(context, "layer_norm", y,
         [x_grad = x.grad(), weight_grad = weight.grad(), bias_grad = bias.grad(), x = x.detached(),
          weight = weight.detached(), bias_shape = bias.shape(), mean = std::move(mean),
          rstd = std::move(rstd)](Context& c, const Tensor& dy) {
           with_parameter_gradient(c, bias_grad, bias_shape, [&](View dbias) {
             with_parameter_gradient(c, weight_grad, weight.shape(), [&](View dweight) {
               with_input_gradient(c, x_grad, x, [&](View dx, bool accumulate) {
                 c.backend().layer_norm_backward(x.view(), weight.view(), mean.view(), rstd.view(), dy.view(),
                                                 accumulate, dx, dweight, dbias);
               });
             });
           });
         });
  return y;
}

}  // namespace peft
