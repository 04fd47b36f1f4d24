#include "ops/reduce.h"

#include "ops/support.h"

namespace peft {
namespace {

// dx[i] += factor[i] * dy[0], where an undefined factor is 1.
void contribute_broadcast(Context& context, GradTarget& target, const Shape& shape, const Tensor& factor,
                          const Tensor& dy) {
  const Shape column{shape.elements(), 1};
  Tensor dx = context.empty(column);
  if (!factor.defined()) context.backend().fill(dx.view(), 1.0f);
  const ConstView left = factor.defined() ? factor.reshaped(column).const_view() : dx.const_view();
  context.backend().binary(BinaryKind::multiply, left, dy.reshaped(Shape{1, 1}).const_view(), dx.view());
  contribute(context, target, dx.reshaped(shape));
}

}  // namespace

Tensor sum(Context& context, const Tensor& x) {
  check_f32("sum", "x", x);
  check(x.dense(), Code::invalid_argument, "sum: expected dense x");
  Tensor y = context.zeros(Shape{1});
  context.backend().sum_rows(x.reshaped(Shape{x.elements(), 1}).const_view(), y.view());
  if (!recording(context, {&x})) return y;
  record(context, "sum", y, [x_grad = x.grad(), shape = x.shape()](Context& c, const Tensor& dy) {
    contribute_broadcast(c, *x_grad, shape, Tensor(), dy);
  });
  return y;
}

Tensor weighted_sum(Context& context, const Tensor& x, const Tensor& weights) {
  check_f32("weighted_sum", "x", x);
  check_f32("weighted_sum", "weights", weights);
  check_shape("weighted_sum", "weights", weights, x.shape());
  check(x.dense() && weights.dense(), Code::invalid_argument, "weighted_sum: expected dense x and weights");
  Tensor y = context.zeros(Shape{1});
  const Shape column{x.elements(), 1};
  context.backend().multiply_sum_rows(x.reshaped(column).const_view(), weights.reshaped(column).const_view(),
                                      y.view());
  if (!recording(context, {&x})) return y;
  record(context, "weighted_sum", y,
         [x_grad = x.grad(), shape = x.shape(), weights = weights.detached()](Context& c, const Tensor& dy) {
           contribute_broadcast(c, *x_grad, shape, weights, dy);
         });
  return y;
}

Tensor sum_squares(Context& context, const Tensor& x, Tensor total) {
  check_f32("sum_squares", "x", x);
  if (!total.defined()) total = context.zeros(Shape{1});
  check_vector("sum_squares", "total", total, 1);
  context.backend().sum_squares(x.view(), total.view());
  return total;
}

}  // namespace peft
