#include "train/loss.h"

#include <algorithm>

#include "autograd/tape.h"
#include "ops/cross_entropy.h"

namespace peft {
namespace {

// The rows of a micro-batch as one pass: ids, row map, the tokens whose successor bears a loss, and those
// labels.
struct Inputs {
  std::vector<int32_t> ids, wanted, labels;
  std::vector<Row> rows;
};

Inputs gather(std::span<const RowView> rows, int32_t first_row_number) {
  Inputs inputs;
  for (size_t r = 0; r < rows.size(); ++r) {
    const RowView& row = rows[r];
    const auto begin = static_cast<int32_t>(inputs.ids.size());
    inputs.rows.push_back(
        {begin, static_cast<int32_t>(row.ids.size()), 0, first_row_number + static_cast<int32_t>(r)});
    inputs.ids.insert(inputs.ids.end(), row.ids.begin(), row.ids.end());
    for (size_t i = 1; i < row.labels.size(); ++i) {
      if (row.labels[i] == ignored_label) continue;
      inputs.wanted.push_back(begin + static_cast<int32_t>(i) - 1);
      inputs.labels.push_back(row.labels[i]);
    }
  }
  return inputs;
}

int64_t count_correct(Context& context, const Tensor& logits, std::span<const int32_t> labels) {
  const std::vector<float> values = context.to_host(logits);
  const auto columns = static_cast<size_t>(logits.columns());
  int64_t correct = 0;
  for (size_t r = 0; r < labels.size(); ++r) {
    const auto row = values.begin() + static_cast<ptrdiff_t>(r * columns);
    correct += std::max_element(row, row + static_cast<ptrdiff_t>(columns)) - row == labels[r];
  }
  return correct;
}

}  // namespace

MicroBatchLoss micro_batch_loss(const Transformer& model, Workspace& workspace, std::span<const RowView> rows,
                                const LossOptions& options) {
  Context& context = workspace.context();
  const Inputs inputs = gather(rows, options.first_row_number);
  MicroBatchLoss result;
  result.tokens = static_cast<int64_t>(inputs.wanted.size());
  if (inputs.wanted.empty()) return result;

  std::vector<ActiveAdapters> active;
  if (!options.adapters.empty()) active.push_back({0, static_cast<int32_t>(rows.size()), options.adapters});
  Pass pass(workspace, inputs.ids, RowMap(inputs.rows), std::move(active), {}, options.pass);
  Tape tape;
  const TapeScope scope(context, options.backward ? &tape : nullptr);
  Hidden hidden = model.forward(pass, inputs.wanted);
  const Tensor labels = context.from_host(std::span<const int32_t>(inputs.labels), {result.tokens});

  int64_t begin = 0;
  const HeadFunction head = [&](Context&, const Tensor& chunk) {
    const Tensor logits = model.logits(pass, {chunk, hidden.placement.row_range(begin, chunk.rows())});
    if (options.count_correct)
      result.correct += count_correct(
          context, logits,
          std::span(inputs.labels).subspan(static_cast<size_t>(begin), static_cast<size_t>(chunk.rows())));
    begin += chunk.rows();
    return logits;
  };
  const ChunkedLoss loss =
      chunked_cross_entropy(context, hidden.states, labels, options.backward ? options.gradient_scale : 0.0f,
                            loss_chunk_rows, head);
  if (options.backward && loss.gradient) tape.backward(context, hidden.states, loss.gradient);
  result.losses = loss.losses;
  return result;
}

double loss_sum(Context& context, const Tensor& losses) {
  double sum = 0;
  if (losses)
    for (const float each : context.to_host(losses)) sum += each;
  return sum;
}

}  // namespace peft
