#include "ops/low_rank.h"

#include <algorithm>

#include "ops/matmul.h"
#include "ops/support.h"

namespace peft {
namespace {

// Adapters train in f32; int8 is for frozen weights only.
Arithmetic arithmetic_of(const Context& context) {
  return context.arithmetic == Arithmetic::bfloat16 ? Arithmetic::bfloat16 : Arithmetic::float32;
}

MatmulOptions product(MatmulKind kind, Arithmetic arithmetic, bool accumulate, float alpha = 1.0f) {
  MatmulOptions options;
  options.kind = kind;
  options.arithmetic = arithmetic;
  options.accumulate = accumulate;
  options.alpha = alpha;
  return options;
}

void check_range(std::string_view op, std::string_view what, int64_t begin, int64_t count, int64_t size) {
  check(begin >= 0 && count >= 0 && count <= size && begin <= size - count, Code::mismatch,
        "{}: {} {} to {} of {}", op, what, begin, begin + count, size);
}

// Rows of x as shrink multiplies them: a view, or the dropped copy in `buffer`.
ConstView dropped(Context& context, ConstView x, RowRange rows, const RowDropout& dropout, Tensor& buffer) {
  x = x.row_range(rows.begin, rows.count);
  if (!dropout.active()) return x;
  buffer = context.empty(x.shape, x.dtype);
  context.backend().dropout(dropout.options, x, dropout.row_ids.view().row_range(rows.begin, rows.count),
                            /*accumulate=*/false, buffer.view());
  return buffer.view();
}

}  // namespace

Tensor shrink(Context& context, const Tensor& x, const Tensor& a, RowRange rows, const RowDropout& dropout) {
  check_activation("shrink", "x", context, x);
  check_f32("shrink", "a", a);
  check_size("shrink", "columns of a", x.columns(), a.columns());
  if (rows.count < 0) rows.count = x.rows() - rows.begin;
  check_range("shrink", "rows", rows.begin, rows.count, x.rows());
  check_dropout("shrink", dropout, x.rows());

  const Arithmetic arithmetic = arithmetic_of(context);
  Tensor h = context.empty(Shape{rows.count, a.rows()}, x.dtype());
  {
    Tensor buffer;
    const ConstView input = dropped(context, x.view(), rows, dropout, buffer);
    matmul_into(context, product(MatmulKind::nt, arithmetic, false), input, a.view(), h.view());
  }
  if (!recording(context, {&x, &a})) return h;

  record(
      context, "shrink", h,
      [arithmetic, rows, dropout, x_grad = x.grad(), a_grad = a.grad(), x_shape = x.shape(), a = a.detached(),
       kept_x = a.requires_grad() ? x.detached() : Tensor()](Context& c, const Tensor& dh) {
        if (a_grad) {
          Tensor buffer;
          const ConstView input = dropped(c, kept_x.view(), rows, dropout, buffer);
          contribute(c, *a_grad, a.shape(), [&](View da, bool accumulate) {
            matmul_into(c, product(MatmulKind::tn, arithmetic, accumulate), dh.view(), input, da);
          });
        }
        if (!x_grad) return;
        contribute(c, *x_grad, x_shape, [&](View dx, bool accumulate) {
          if (!accumulate && rows.count != dx.rows()) {
            c.backend().fill(dx, 0.0f);
            accumulate = true;
          }
          const View part = dx.row_range(rows.begin, rows.count);
          if (!dropout.active()) {
            return matmul_into(c, product(MatmulKind::nn, arithmetic, accumulate), dh.view(), a.view(), part);
          }
          Tensor before = c.empty(part.shape, part.dtype);
          matmul_into(c, product(MatmulKind::nn, arithmetic, false), dh.view(), a.view(), before.view());
          c.backend().dropout(dropout.options, before.const_view(),
                              dropout.row_ids.view().row_range(rows.begin, rows.count), accumulate, part);
        });
      });
  return h;
}

Tensor expand_add(Context& context, Tensor y, const Tensor& h, const Tensor& b, float scale,
                  ExpandRange range) {
  check_activation("expand_add", "y", context, y);
  check_same_type("expand_add", "h", h, y);
  check_f32("expand_add", "b", b);
  const int64_t out = b.rows(), rank = b.columns();
  check_range("expand_add", "columns of h", range.h_begin, rank, h.columns());
  check_range("expand_add", "columns of y", range.y_begin, out, y.columns());
  check_range("expand_add", "rows of y", range.first_row, h.rows(), y.rows());

  const bool records = recording(context, {&y, &h, &b});
  const Arithmetic arithmetic = arithmetic_of(context);
  Tensor result = reuse_or_empty(context, y);
  if (result.storage() != y.storage()) context.backend().copy(y.const_view(), result.view());
  matmul_into(context, product(MatmulKind::nt, arithmetic, true, scale),
              h.view().column_range(range.h_begin, rank), b.view(),
              result.view().row_range(range.first_row, h.rows()).column_range(range.y_begin, out));
  if (!records) return result;

  record(context, "expand_add", result,
         [arithmetic, scale, range, out, rank, y_grad = y.grad(), h_grad = h.grad(), b_grad = b.grad(),
          h_shape = h.shape(), b_shape = b.shape(), kept_h = b.requires_grad() ? h.detached() : Tensor(),
          kept_b = h.requires_grad() ? b.detached() : Tensor()](Context& c, const Tensor& dy) {
           const ConstView part =
               dy.view().row_range(range.first_row, h_shape.rows()).column_range(range.y_begin, out);
           if (b_grad) {
             contribute(c, *b_grad, b_shape, [&](View db, bool accumulate) {
               matmul_into(c, product(MatmulKind::tn, arithmetic, accumulate, scale), part,
                           kept_h.view().column_range(range.h_begin, rank), db);
             });
           }
           if (h_grad) {
             contribute(c, *h_grad, h_shape, [&](View dh, bool accumulate) {
               if (!accumulate && rank != dh.columns()) {
                 c.backend().fill(dh, 0.0f);
                 accumulate = true;
               }
               matmul_into(c, product(MatmulKind::nn, arithmetic, accumulate, scale), part, kept_b.view(),
                           dh.column_range(range.h_begin, rank));
             });
           }
           if (y_grad) contribute(c, *y_grad, dy);
         });
  return result;
}

namespace {

GroupedRows group_of(const RowsUpdate& rows, const Tensor& b, int64_t inner_begin, float alpha) {
  GroupedRows group;
  group.first_row = static_cast<int32_t>(rows.first_row);
  group.row_count = static_cast<int32_t>(rows.row_count);
  group.outputs = static_cast<int32_t>(b.rows());
  group.inner = static_cast<int32_t>(b.columns());
  group.inner_begin = static_cast<int32_t>(inner_begin);
  group.alpha = alpha;
  group.b = b.view().row<float>();
  group.b_stride = b.view().row_stride;
  return group;
}

void check_updates(Context& context, const Tensor& x, std::span<const RowsUpdate> updates,
                   const std::vector<Tensor>& outputs) {
  check_activation("add_row_updates", "x", context, x);
  int64_t end = 0;
  for (const RowsUpdate& rows : updates) {
    check(rows.first_row >= end, Code::invalid_argument, "add_row_updates: row {} is in two updates, or out of order",
          rows.first_row);
    check_range("add_row_updates", "rows", rows.first_row, rows.row_count, x.rows());
    end = rows.first_row + rows.row_count;
    check_f32("add_row_updates", "a", rows.update->a);
    check_size("add_row_updates", "columns of a", x.columns(), rows.update->a.columns());
    for (const LowRankUpdate::Part& part : rows.update->parts) {
      check_f32("add_row_updates", "b", part.b);
      check(part.member >= 0 && part.member < static_cast<int>(outputs.size()), Code::mismatch,
            "add_row_updates: member {} of {}", part.member, outputs.size());
      const Tensor& y = outputs[static_cast<size_t>(part.member)];
      check_activation("add_row_updates", "output", context, y);
      check_size("add_row_updates", "rows of an output", x.rows(), y.rows());
      check_size("add_row_updates", "rows of b", y.columns(), part.b.rows());
      check_range("add_row_updates", "rows of a", part.h_begin, part.b.columns(), rows.update->a.rows());
    }
  }
}

}  // namespace

void add_row_updates(Context& context, const Tensor& x, std::span<const RowsUpdate> updates,
                     std::vector<Tensor>& outputs) {
  check_updates(context, x, updates, outputs);
  std::vector<GroupedRows> groups;
  int64_t widest = 0;
  for (const RowsUpdate& rows : updates) {
    if (rows.row_count == 0) continue;
    groups.push_back(group_of(rows, rows.update->a, 0, 1.0f));
    widest = std::max(widest, rows.update->a.rows());
  }
  if (groups.empty()) return;
  Tensor h = context.empty(Shape{x.rows(), widest});
  context.backend().grouped_matmul(groups.data(), static_cast<int64_t>(groups.size()), x.view(), /*accumulate=*/false,
                                   h.view());
  for (size_t member = 0; member < outputs.size(); ++member) {
    groups.clear();
    for (const RowsUpdate& rows : updates)
      for (const LowRankUpdate::Part& part : rows.update->parts)
        if (rows.row_count > 0 && part.member == static_cast<int>(member))
          groups.push_back(group_of(rows, part.b, part.h_begin, part.scale));
    if (groups.empty()) continue;
    context.backend().grouped_matmul(groups.data(), static_cast<int64_t>(groups.size()), h.const_view(),
                                     /*accumulate=*/true, outputs[member].view());
  }
}

}  // namespace peft
