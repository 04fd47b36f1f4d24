#include "ops/embedding.h"

#include <algorithm>
#include <vector>

#include "base/checked.h"
#include "ops/support.h"
#include "ops/views.h"

namespace peft {

Tensor embedding(Context& context, const Tensor& table, const Tensor& ids) {
  check(table.defined(), Code::invalid_argument, "embedding: table is undefined");
  check_dtype("embedding", "ids", ids, DType::i32);
  const bool records = recording(context, {&table});
  if (records) check_f32("embedding", "trainable table", table);
  Tensor y = context.empty(Shape{ids.elements(), table.columns()}, context.activation_type());
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

// Every element of `a` is a row of its own, so that looking one up and adding to it are the kernels of rows.
Tensor embedding_columns(Context& context, const Tensor& a, std::span<const int32_t> ids) {
  check_f32("embedding_columns", "a", a);
  const int64_t rank = a.rows(), vocabulary = a.columns(), tokens = static_cast<int64_t>(ids.size());
  check(std::max(checked_multiply(rank, vocabulary), checked_multiply(rank, tokens)) <= INT32_MAX,
        Code::limit, "embedding_columns: {} of {} tokens exceeds 31 bits", to_string(a.shape()), tokens);
  std::vector<int32_t> places;
  places.reserve(static_cast<size_t>(rank * tokens));
  for (const int32_t id : ids)
    for (int64_t k = 0; k < rank; ++k) places.push_back(static_cast<int32_t>(k * vocabulary + id));
  const Tensor index = context.from_host(std::span<const int32_t>(places), {rank * tokens});
  const Tensor elements = reshape(context, a, {rank * vocabulary, 1});
  return reshape(context, embedding(context, elements, index), {tokens, rank});
}

}  // namespace peft
