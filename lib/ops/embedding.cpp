#include "ops/embedding.h"

#include "ops/support.h"

namespace peft {

Tensor embedding(Context& context, const Tensor& table, const Tensor& ids) {
  check(table.defined(), Code::invalid_argument, "embedding: table is undefined");
  check_dtype("embedding", "ids", ids, DType::i32);
  const bool records = recording(context, {&table});
  if (records) check_f32("embedding", "trainable table", table);
  Tensor y = context.empty(Shape{ids.elements(), table.columns()});
  context.backend().gather_rows(table.view(), ids.view(), y.view());
  if (!records) return y;
  record(context, "embedding", y,
         [table_grad = table.grad(), table_shape = table.shape(), ids = ids.detached()](Context& c,
                                                                                        const Tensor& dy) {
           contribute_sum(c, *table_grad, table_shape, [&](View dtable) {
             c.backend().scatter_add_rows(1.0f, dy.view(), ids.view(), dtable);
           });
         });
  return y;
}

}  // namespace peft
