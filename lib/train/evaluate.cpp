#include "train/evaluate.h"

#include <algorithm>
#include <chrono>

#include "autograd/tape.h"
#include "base/error.h"

namespace peft {

void check_vocabulary(const Transformer& model, const Dataset& dataset) {
  check(dataset.info().largest_id < model.spec().vocabulary, Code::mismatch,
        "{}: token id {} is beyond the model's vocabulary of {}", dataset.source(), dataset.info().largest_id,
        model.spec().vocabulary);
}

Evaluation evaluate(const Transformer& model, Workspace& workspace, const Dataset& dataset,
                    int64_t batch_size, const std::vector<std::shared_ptr<const HookTable>>& adapters) {
  check_vocabulary(model, dataset);
  const auto start = std::chrono::steady_clock::now();
  const TapeScope scope(workspace.context(), nullptr);
  LossOptions options;
  options.adapters = adapters;
  options.count_correct = true;
  Evaluation result;
  int64_t correct = 0;
  for (int64_t begin = 0; begin < dataset.rows(); begin += batch_size) {
    std::vector<RowView> rows;
    for (int64_t r = begin; r < std::min(begin + batch_size, dataset.rows()); ++r) {
      rows.push_back(dataset.row(r));
      result.tokens += static_cast<int64_t>(rows.back().ids.size());
    }
    const MicroBatchLoss loss = micro_batch_loss(model, workspace, rows, options);
    result.nll += loss_sum(workspace.context(), loss.losses);
    result.loss_tokens += loss.tokens;
    correct += loss.correct;
    result.rows += static_cast<int64_t>(rows.size());
  }
  check(result.loss_tokens > 0, Code::state, "{}: no token bears a loss", dataset.source());
  result.loss = result.nll / static_cast<double>(result.loss_tokens);
  result.token_accuracy = static_cast<double>(correct) / static_cast<double>(result.loss_tokens);
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

}  // namespace peft
