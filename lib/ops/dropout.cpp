#include "ops/dropout.h"

#include "ops/support.h"

namespace peft {

void check_dropout(std::string_view op, const RowDropout& dropout, int64_t tokens) {
  const float probability = dropout.options.probability;
  check(probability >= 0.0f && probability < 1.0f, Code::invalid_argument,
        "{}: dropout: expected a probability in [0, 1), found {}", op, probability);
  if (!dropout.active()) return;
  check_dtype(op, "row ids", dropout.row_ids, DType::i32);
  check_shape(op, "row ids", dropout.row_ids, Shape{tokens, 2});
}

Tensor dropout(Context& context, const Tensor& x, const RowDropout& dropout) {
  check_activation("dropout", "x", context, x);
  check_dropout("dropout", dropout, x.rows());
  if (!dropout.active()) return x;
  Tensor y = context.empty(x.shape(), x.dtype());
  context.backend().dropout(dropout.options, x.view(), dropout.row_ids.view(), /*accumulate=*/false,
                            y.view());
  if (!recording(context, {&x})) return y;
  record(context, "dropout", y, [dropout, x_grad = x.grad()](Context& c, const Tensor& dy) {
    contribute(c, *x_grad, dy.shape(), [&](View dx, bool accumulate) {
      c.backend().dropout(dropout.options, dy.view(), dropout.row_ids.view(), accumulate, dx);
    });
  });
  return y;
}

}  // namespace peft
