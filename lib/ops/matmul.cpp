#include "ops/matmul.h"

#include "ops/support.h"

namespace peft {
namespace {

struct Sizes {
  int64_t m, n, inner_a, inner_b;
};

Sizes sizes_of(MatmulKind kind, const Tensor& a, const Tensor& b) {
  switch (kind) {
    case MatmulKind::nt:
      return {a.rows(), b.rows(), a.columns(), b.columns()};
    case MatmulKind::nn:
      return {a.rows(), b.columns(), a.columns(), b.rows()};
    case MatmulKind::tn:
      return {a.columns(), b.columns(), a.rows(), b.rows()};
  }
  fail(Code::internal, "matmul: kind {}", static_cast<int>(kind));
}

}  // namespace

void matmul_into(Context& context, const MatmulOptions& options, ConstView a, ConstView b, View y) {
  Backend& backend = context.backend();
  Tensor scratch = context.scratch(backend.matmul_scratch(options, a.shape, b.shape, a.dtype, b.dtype));
  backend.matmul(options, a, b, y, scratch.view());
}

Tensor matmul(Context& context, MatmulKind kind, const Tensor& a, const Tensor& b, float alpha,
              Arithmetic arithmetic) {
  check_activation("matmul", "a", context, a);
  check(b.defined(), Code::invalid_argument, "matmul: b is undefined");
  const Sizes sizes = sizes_of(kind, a, b);
  check_size("matmul", "inner size of b", sizes.inner_a, sizes.inner_b);
  const bool records = recording(context, {&a, &b});
  if (records && b.requires_grad()) check_activation("matmul", "trainable b", context, b);
  if (records && a.requires_grad() && kind == MatmulKind::tn) check_activation("matmul", "b of kind tn", context, b);

  MatmulOptions options;
  options.kind = kind;
  options.arithmetic = arithmetic;
  options.alpha = alpha;
  Tensor y = context.empty(Shape{sizes.m, sizes.n}, a.dtype());
  matmul_into(context, options, a.view(), b.view(), y.view());
  if (!records) return y;

  record(context, "matmul", y,
         [options, a_grad = a.grad(), b_grad = b.grad(), a_shape = a.shape(), b_shape = b.shape(),
          kept_a = b.requires_grad() ? a.detached() : Tensor(),
          kept_b = a.requires_grad() ? b.detached() : Tensor()](Context& c, const Tensor& dy) {
           const auto product = [&](MatmulKind as, ConstView left, ConstView right, View to,
                                    bool accumulate) {
             MatmulOptions o = options;
             o.kind = as;
             o.accumulate = accumulate;
             matmul_into(c, o, left, right, to);
           };
           if (a_grad) {
             contribute(c, *a_grad, a_shape, [&](View da, bool accumulate) {
               switch (options.kind) {
                 case MatmulKind::nt:
                   return product(MatmulKind::nn, dy.view(), kept_b.view(), da, accumulate);
                 case MatmulKind::nn:
                   return product(MatmulKind::nt, dy.view(), kept_b.view(), da, accumulate);
                 case MatmulKind::tn:
                   return product(MatmulKind::nt, kept_b.view(), dy.view(), da, accumulate);
               }
             });
           }
           if (b_grad) {
             contribute(c, *b_grad, b_shape, [&](View db, bool accumulate) {
               switch (options.kind) {
                 case MatmulKind::nt:
                   return product(MatmulKind::tn, dy.view(), kept_a.view(), db, accumulate);
                 case MatmulKind::nn:
                   return product(MatmulKind::tn, kept_a.view(), dy.view(), db, accumulate);
                 case MatmulKind::tn:
                   return product(MatmulKind::nn, kept_a.view(), dy.view(), db, accumulate);
               }
             });
           }
         });
  return y;
}

}  // namespace peft
