#include "ops/rope.h"

#include "ops/support.h"

namespace peft {

Tensor rope(Context& context, Tensor x, const Tensor& positions, const Tensor& table,
            const RopeOptions& options) {
  check_activation("rope", "x", context, x);
  check_dtype("rope", "positions", positions, DType::i32);
  check_f32("rope", "table", table);
  check(options.heads > 0 && options.head_dim > 0 && options.rotary_dim >= 0 && options.rotary_dim % 2 == 0 &&
            options.rotary_dim <= options.head_dim,
        Code::invalid_argument, "rope: {} heads of {} with {} rotary dimensions", options.heads,
        options.head_dim, options.rotary_dim);
  check_size("rope", "columns of x", int64_t{options.heads} * options.head_dim, x.columns());
  check_size("rope", "positions", x.rows(), positions.elements());
  check_size("rope", "columns of the table", options.rotary_dim, table.columns());
  Tensor y = reuse_or_empty(context, x);
  context.backend().rope(options, x.const_view(), positions.view(), table.view(), y.view());
  if (!recording(context, {&x})) return y;
  record(context, "rope", y,
         [options, positions = positions.detached(), table = table.detached(), x_grad = x.grad()](
             Context& c, const Tensor& dy) {
           RopeOptions back = options;
           back.inverse = !options.inverse;
           Tensor dx = reuse_or_empty(c, dy);
           c.backend().rope(back, dy.view(), positions.view(), table.view(), dx.view());
           contribute(c, *x_grad, std::move(dx));
         });
  return y;
}

}  // namespace peft
