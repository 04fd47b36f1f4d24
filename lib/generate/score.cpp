#include "generate/score.h"

#include <algorithm>
#include <numeric>

#include "autograd/tape.h"
#include "base/error.h"
#include "ops/cross_entropy.h"

namespace peft {
namespace {

constexpr int64_t chunk_rows = 128;

Pass pass_of(const Transformer& model, Workspace& workspace, std::span<const int32_t> ids,
             const std::vector<std::shared_ptr<const HookTable>>& adapters) {
  check(!ids.empty(), Code::invalid_argument, "there are no tokens");
  for (const int32_t id : ids)
    check(id >= 0 && id < model.spec().vocabulary, Code::invalid_argument,
          "token id {} is beyond the model's vocabulary of {}", id, model.spec().vocabulary);
  std::vector<ActiveAdapters> active;
  if (!adapters.empty()) active.push_back({0, 1, adapters});
  return Pass(workspace, ids, RowMap({{0, static_cast<int32_t>(ids.size()), 0, 0}}), std::move(active));
}

std::vector<int32_t> range(int64_t first, int64_t count) {
  std::vector<int32_t> wanted(static_cast<size_t>(count));
  std::iota(wanted.begin(), wanted.end(), static_cast<int32_t>(first));
  return wanted;
}

}  // namespace

std::vector<float> token_log_probabilities(const Transformer& model, Workspace& workspace,
                                           std::span<const int32_t> ids,
                                           const std::vector<std::shared_ptr<const HookTable>>& adapters) {
  Context& context = workspace.context();
  const TapeScope scope(context, nullptr);
  Pass pass = pass_of(model, workspace, ids, adapters);
  const auto count = static_cast<int64_t>(ids.size()) - 1;
  if (count == 0) return {};
  const Hidden hidden = model.forward(pass, range(0, count));
  const Tensor labels = context.from_host(ids.subspan(1), {count});
  int64_t begin = 0;
  const ChunkedLoss loss = chunked_cross_entropy(
      context, hidden.states, labels, 0.0f, chunk_rows, [&](Context&, const Tensor& chunk) {
        const Placement at = hidden.placement.row_range(begin, chunk.rows());
        begin += chunk.rows();
        return model.logits(pass, {chunk, at});
      });
  std::vector<float> values = context.to_host(loss.losses);
  for (float& value : values) value = -value;
  return values;
}

std::vector<float> token_logits(const Transformer& model, Workspace& workspace, std::span<const int32_t> ids,
                                const std::vector<std::shared_ptr<const HookTable>>& adapters, int64_t first,
                                int64_t count) {
  Context& context = workspace.context();
  const TapeScope scope(context, nullptr);
  Pass pass = pass_of(model, workspace, ids, adapters);
  PEFT_ASSERT(first >= 0 && count > 0 && first + count <= static_cast<int64_t>(ids.size()));
  const Hidden hidden = model.forward(pass, range(first, count));
  std::vector<float> values;
  values.reserve(static_cast<size_t>(count * model.spec().vocabulary));
  for (int64_t begin = 0; begin < count; begin += chunk_rows) {
    const int64_t rows = std::min(chunk_rows, count - begin);
    const Hidden chunk{hidden.states.row_range(begin, rows), hidden.placement.row_range(begin, rows)};
    const std::vector<float> part = context.to_host(model.logits(pass, chunk));
    values.insert(values.end(), part.begin(), part.end());
  }
  return values;
}

}  // namespace peft
