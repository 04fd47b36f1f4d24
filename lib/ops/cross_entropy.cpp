#include "ops/cross_entropy.h"

#include <algorithm>

#include "autograd/checkpoint.h"
#include "ops/support.h"

namespace peft {
namespace {

void check_labels(std::string_view op, const Tensor& rows, const Tensor& labels) {
  check_dtype(op, "labels", labels, DType::i32);
  check_size(op, "labels", rows.rows(), labels.elements());
}

// Elements [begin, begin + count) of a vector.
Tensor elements(const Tensor& vector, int64_t begin, int64_t count) {
  return vector.reshaped(Shape{vector.elements()}).column_range(begin, count).reshaped(Shape{count});
}

// The one place that writes over logits; `losses` is part of the caller's vector.
void overwrite(Context& context, Tensor& logits, const Tensor& labels, float gradient_scale, Tensor losses) {
  check_f32("cross_entropy", "logits", logits);
  check(sole_holder(logits), Code::state, "cross_entropy: the logits' buffer has {} holders, expected 1",
        logits.storage().use_count());
  context.backend().cross_entropy(logits.view(), labels.view(), gradient_scale, losses.view());
}

}  // namespace

Tensor cross_entropy(Context& context, const Tensor& logits, const Tensor& labels) {
  check_f32("cross_entropy", "logits", logits);
  check_labels("cross_entropy", logits, labels);
  Tensor losses = context.empty(Shape{logits.rows()});
  Tensor unchanged = logits.detached();
  context.backend().cross_entropy(unchanged.view(), labels.view(), /*gradient_scale=*/0.0f, losses.view());
  return losses;
}

Tensor cross_entropy_in_place(Context& context, Tensor& logits, const Tensor& labels, float gradient_scale) {
  check_labels("cross_entropy", logits, labels);
  Tensor losses = context.empty(Shape{logits.rows()});
  overwrite(context, logits, labels, gradient_scale, losses);
  return losses;
}

ChunkedLoss chunked_cross_entropy(Context& context, const Tensor& hidden, const Tensor& labels,
                                  float gradient_scale, int64_t chunk_rows, const HeadFunction& head) {
  check_activation("cross_entropy", "hidden", context, hidden);
  check_labels("cross_entropy", hidden, labels);
  check(chunk_rows > 0, Code::invalid_argument,
        "cross_entropy: expected a positive number of rows a chunk, found {}", chunk_rows);
  ChunkedLoss result;
  result.losses = context.empty(Shape{hidden.rows()});
  // The kernel takes a zero scale for "no gradient".
  const bool differentiates = context.tape != nullptr && gradient_scale != 0.0f;
  const TapeScope scope(context, differentiates ? context.tape : nullptr);
  if (hidden.requires_grad() && differentiates) result.gradient = context.empty(hidden.shape(), hidden.dtype());
  if (hidden.requires_grad() && !differentiates && gradient_scale == 0.0f)
    result.gradient = context.zeros(hidden.shape(), hidden.dtype());

  for (int64_t begin = 0; begin < hidden.rows(); begin += chunk_rows) {
    poll(context.cancel);
    const int64_t count = std::min(chunk_rows, hidden.rows() - begin);
    const Tensor chunk_labels = elements(labels, begin, count);
    const Tensor losses = elements(result.losses, begin, count);
    Tensor chunk = hidden.row_range(begin, count);
    if (!differentiates) {
      const Tensor logits = head(context, chunk);
      Tensor unchanged = logits.detached(), chunk_losses = losses;
      context.backend().cross_entropy(unchanged.view(), chunk_labels.view(), 0.0f, chunk_losses.view());
      continue;
    }
    if (result.gradient.defined()) chunk.set_grad(make_target(chunk));
    const Tensor gradient = differentiate_now(context, chunk, [&](Context& c, const Tensor& input) {
      Differentiated product;
      product.value = head(c, input);
      overwrite(c, product.value, chunk_labels, gradient_scale, losses);
      product.gradient = product.value.detached();
      return product;
    });
    if (!result.gradient.defined()) continue;
    View destination = result.gradient.view().row_range(begin, count);
    if (gradient.defined()) {
      context.backend().copy(gradient.view(), destination);
    } else {
      context.backend().fill(destination, 0.0f);
    }
  }
  return result;
}

}  // namespace peft
