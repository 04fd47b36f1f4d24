#include "ops/elementwise.h"

#include "ops/support.h"

namespace peft {
namespace {

void check_pair(std::string_view op, Context& context, const Tensor& a, const Tensor& b) {
  check_activation(op, "a", context, a);
  check_same_type(op, "b", b, a);
  check_shape(op, "b", b, a.shape());
}

// dy * factor to `target`, over dy's own buffer when nobody else needs it.
void contribute_product(Context& context, GradTarget& target, const Tensor& dy, ConstView factor,
                        bool last_use) {
  Tensor dx = last_use ? reuse_or_empty(context, dy) : context.empty(dy.shape(), dy.dtype());
  context.backend().binary(BinaryKind::multiply, dy.view(), factor, dx.view());
  contribute(context, target, std::move(dx));
}

}  // namespace

Tensor add(Context& context, Tensor a, const Tensor& b) {
  check_pair("add", context, a, b);
  Tensor y = reuse_or_empty(context, a);
  context.backend().binary(BinaryKind::add, a.const_view(), b.view(), y.view());
  if (!recording(context, {&a, &b})) return y;
  record(context, "add", y, [a_grad = a.grad(), b_grad = b.grad()](Context& c, const Tensor& dy) {
    if (a_grad) contribute(c, *a_grad, dy);
    if (b_grad) contribute(c, *b_grad, dy);
  });
  return y;
}

Tensor subtract(Context& context, const Tensor& a, const Tensor& b) {
  check_pair("subtract", context, a, b);
  Tensor y = context.empty(a.shape(), a.dtype());
  context.backend().binary(BinaryKind::subtract, a.view(), b.view(), y.view());
  if (!recording(context, {&a, &b})) return y;
  record(context, "subtract", y, [a_grad = a.grad(), b_grad = b.grad()](Context& c, const Tensor& dy) {
    if (b_grad) {
      contribute(c, *b_grad, dy.shape(),
                 [&](View db, bool accumulate) { c.backend().scale(-1.0f, dy.view(), accumulate, db); });
    }
    if (a_grad) contribute(c, *a_grad, dy);
  });
  return y;
}

Tensor multiply(Context& context, const Tensor& a, const Tensor& b) {
  check_pair("multiply", context, a, b);
  Tensor y = context.empty(a.shape(), a.dtype());
  context.backend().binary(BinaryKind::multiply, a.view(), b.view(), y.view());
  if (!recording(context, {&a, &b})) return y;
  record(context, "multiply", y,
         [a_grad = a.grad(), b_grad = b.grad(), kept_a = b.requires_grad() ? a.detached() : Tensor(),
          kept_b = a.requires_grad() ? b.detached() : Tensor()](Context& c, const Tensor& dy) {
           if (a_grad) contribute_product(c, *a_grad, dy, kept_b.view(), /*last_use=*/b_grad == nullptr);
           if (b_grad) contribute_product(c, *b_grad, dy, kept_a.view(), /*last_use=*/true);
         });
  return y;
}

Tensor add_row(Context& context, Tensor x, const Tensor& row) {
  check_activation("add_row", "x", context, x);
  check_vector("add_row", "row", row, x.columns());
  Tensor y = reuse_or_empty(context, x);
  context.backend().binary(BinaryKind::add, x.const_view(), row.view(), y.view());
  if (!recording(context, {&x, &row})) return y;
  record(context, "add_row", y,
         [x_grad = x.grad(), row_grad = row.grad(), row_shape = row.shape()](Context& c, const Tensor& dy) {
           if (row_grad) {
             contribute_sum(c, *row_grad, row_shape,
                            [&](View destination) { c.backend().sum_rows(dy.view(), destination); });
           }
           if (x_grad) contribute(c, *x_grad, dy);
         });
  return y;
}

Tensor multiply_row(Context& context, const Tensor& x, const Tensor& row) {
  check_activation("multiply_row", "x", context, x);
  check_vector("multiply_row", "row", row, x.columns());
  Tensor y = context.empty(x.shape(), x.dtype());
  context.backend().binary(BinaryKind::multiply, x.view(), row.view(), y.view());
  if (!recording(context, {&x, &row})) return y;
  record(context, "multiply_row", y,
         [x_grad = x.grad(), row_grad = row.grad(), row_shape = row.shape(),
          kept_x = row.requires_grad() ? x.detached() : Tensor(),
          kept_row = x.requires_grad() ? row.detached() : Tensor()](Context& c, const Tensor& dy) {
           if (row_grad) {
             contribute_sum(c, *row_grad, row_shape, [&](View destination) {
               c.backend().multiply_sum_rows(dy.view(), kept_x.view(), destination);
             });
           }
           if (x_grad) contribute_product(c, *x_grad, dy, kept_row.view(), /*last_use=*/true);
         });
  return y;
}

Tensor scale(Context& context, const Tensor& x, float alpha) {
  check_activation("scale", "x", context, x);
  Tensor y = context.empty(x.shape(), x.dtype());
  context.backend().scale(alpha, x.view(), /*accumulate=*/false, y.view());
  if (!recording(context, {&x})) return y;
  record(context, "scale", y, [alpha, x_grad = x.grad()](Context& c, const Tensor& dy) {
    contribute(c, *x_grad, dy.shape(),
               [&](View dx, bool accumulate) { c.backend().scale(alpha, dy.view(), accumulate, dx); });
  });
  return y;
}

Tensor unary(Context& context, UnaryKind kind, const Tensor& x) {
  check_activation("unary", "x", context, x);
  Tensor y = context.empty(x.shape(), x.dtype());
  context.backend().unary(kind, x.view(), y.view());
  if (!recording(context, {&x})) return y;
  record(context, "unary", y, [kind, x_grad = x.grad(), kept_x = x.detached()](Context& c, const Tensor& dy) {
    contribute(c, *x_grad, dy.shape(), [&](View dx, bool accumulate) {
      c.backend().unary_backward(kind, kept_x.view(), dy.view(), accumulate, dx);
    });
  });
  return y;
}

}  // namespace peft
