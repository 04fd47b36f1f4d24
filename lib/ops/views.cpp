#include "ops/views.h"

#include "ops/support.h"

namespace peft {
namespace {

// `part` of a gradient is the contribution `gradient`; the rest gets nothing.
template <typename Part>
void contribute_part(Context& context, GradTarget& target, const Shape& shape, const Tensor& gradient,
                     Part&& part) {
  contribute_sum(context, target, shape, [&](View destination) {
    context.backend().scale(1.0f, gradient.view(), /*accumulate=*/true, part(destination));
  });
}

void check_part(std::string_view op, std::string_view what, int64_t begin, int64_t count, int64_t size) {
  check(begin >= 0 && count >= 0 && count <= size && begin <= size - count, Code::mismatch,
        "{}: {} {} to {} of {}", op, what, begin, begin + count, size);
}

Tensor dense_copy(Context& context, const Tensor& x) {
  Tensor y = context.empty(x.shape(), x.dtype());
  context.backend().copy(x.view(), y.view());
  return y;
}

}  // namespace

Tensor reshape(Context& context, const Tensor& x, const Shape& shape) {
  check(x.defined() && x.dense(), Code::invalid_argument, "reshape: expected dense x");
  Tensor y = x.reshaped(shape);
  if (!recording(context, {&x})) return y;
  record(context, "reshape", y, [x_grad = x.grad(), x_shape = x.shape()](Context& c, const Tensor& dy) {
    contribute(c, *x_grad, (dy.dense() ? dy : dense_copy(c, dy)).reshaped(x_shape));
  });
  return y;
}

Tensor row_range(Context& context, const Tensor& x, int64_t begin, int64_t count) {
  check_activation("row_range", "x", context, x);
  check_part("row_range", "rows", begin, count, x.rows());
  Tensor y = x.row_range(begin, count);
  if (!recording(context, {&x})) return y;
  record(context, "row_range", y,
         [begin, count, x_grad = x.grad(), x_shape = x.shape()](Context& c, const Tensor& dy) {
           contribute_part(c, *x_grad, x_shape, dy, [&](View dx) { return dx.row_range(begin, count); });
         });
  return y;
}

Tensor column_range(Context& context, const Tensor& x, int64_t begin, int64_t count) {
  check_activation("column_range", "x", context, x);
  check_part("column_range", "columns", begin, count, x.columns());
  Tensor y = x.column_range(begin, count);
  if (!recording(context, {&x})) return y;
  record(context, "column_range", y,
         [begin, count, x_grad = x.grad(), x_shape = x.shape()](Context& c, const Tensor& dy) {
           contribute_part(c, *x_grad, x_shape, dy, [&](View dx) { return dx.column_range(begin, count); });
         });
  return y;
}

std::vector<Tensor> split_columns(Context& context, const Tensor& x, std::span<const int64_t> widths) {
  check_activation("split_columns", "x", context, x);
  std::vector<Tensor> parts;
  int64_t begin = 0;
  for (const int64_t width : widths) {
    check_part("split_columns", "columns", begin, width, x.columns());
    parts.push_back(x.column_range(begin, width));
    begin += width;
  }
  check_size("split_columns", "sum of widths", x.columns(), begin);
  if (!recording(context, {&x})) return parts;
  record(
      context, "split_columns", parts,
      [x_grad = x.grad(), x_shape = x.shape(), widths = std::vector<int64_t>(widths.begin(), widths.end())](
          Context& c, std::span<const Tensor> gradients) {
        contribute(c, *x_grad, x_shape, [&](View dx, bool accumulate) {
          int64_t at = 0;
          for (size_t i = 0; i < widths.size(); ++i) {
            const View part = dx.column_range(at, widths[i]);
            if (gradients[i].defined()) {
              c.backend().scale(1.0f, gradients[i].view(), accumulate, part);
            } else if (!accumulate) {
              c.backend().fill(part, 0.0f);
            }
            at += widths[i];
          }
        });
      });
  return parts;
}

Tensor concat_rows(Context& context, std::span<const Tensor> parts) {
  check(!parts.empty(), Code::invalid_argument, "concat_rows: no parts");
  int64_t rows = 0;
  bool records = false;
  for (const Tensor& part : parts) {
    check_activation("concat_rows", "part", context, part);
    check_same_type("concat_rows", "part", part, parts[0]);
    check_size("concat_rows", "columns of a part", parts[0].columns(), part.columns());
    rows += part.rows();
    records = records || recording(context, {&part});
  }
  Tensor y = context.empty(Shape{rows, parts[0].columns()}, parts[0].dtype());
  std::vector<std::shared_ptr<GradTarget>> targets;
  std::vector<Shape> shapes;
  int64_t begin = 0;
  for (const Tensor& part : parts) {
    context.backend().copy(part.view(), y.view().row_range(begin, part.rows()));
    begin += part.rows();
    targets.push_back(part.grad());
    shapes.push_back(part.shape());
  }
  if (!records) return y;
  record(context, "concat_rows", y,
         [targets = std::move(targets), shapes = std::move(shapes)](Context& c, const Tensor& dy) {
           int64_t at = 0;
           for (size_t i = 0; i < targets.size(); ++i) {
             const int64_t count = shapes[i].rows();
             if (targets[i]) {
               const Tensor part = dy.row_range(at, count);
               contribute(c, *targets[i],
                          part.shape() == shapes[i] ? part : dense_copy(c, part).reshaped(shapes[i]));
             }
             at += count;
           }
         });
  return y;
}

Tensor gather_rows(Context& context, const Tensor& x, const Tensor& index) {
  check_activation("gather_rows", "x", context, x);
  check_dtype("gather_rows", "index", index, DType::i32);
  Tensor y = context.empty(Shape{index.elements(), x.columns()}, x.dtype());
  context.backend().gather_rows(x.view(), index.view(), y.view());
  if (!recording(context, {&x})) return y;
  record(context, "gather_rows", y,
         [x_grad = x.grad(), x_shape = x.shape(), index = index.detached()](Context& c, const Tensor& dy) {
           contribute_sum(c, *x_grad, x_shape,
                          [&](View dx) { c.backend().scatter_add_rows(1.0f, dy.view(), index.view(), dx); });
         });
  return y;
}

Tensor scatter_rows(Context& context, const Tensor& x, const Tensor& index, int64_t rows) {
  check_activation("scatter_rows", "x", context, x);
  check_dtype("scatter_rows", "index", index, DType::i32);
  check_size("scatter_rows", "index", x.rows(), index.elements());
  Tensor y = context.zeros(Shape{rows, x.columns()}, x.dtype());
  context.backend().scatter_add_rows(1.0f, x.view(), index.view(), y.view());
  if (!recording(context, {&x})) return y;
  record(context, "scatter_rows", y,
         [x_grad = x.grad(), x_shape = x.shape(), index = index.detached()](Context& c, const Tensor& dy) {
           Tensor dx = c.empty(x_shape, dy.dtype());
           c.backend().gather_rows(dy.view(), index.view(), dx.view());
           contribute(c, *x_grad, std::move(dx));
         });
  return y;
}

Tensor contiguous(Context& context, const Tensor& x) {
  check_activation("contiguous", "x", context, x);
  if (x.dense()) return x;
  Tensor y = dense_copy(context, x);
  if (!recording(context, {&x})) return y;
  record(context, "contiguous", y,
         [x_grad = x.grad()](Context& c, const Tensor& dy) { contribute(c, *x_grad, dy); });
  return y;
}

}  // namespace peft
