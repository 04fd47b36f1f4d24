#include "generate/score.h"

#include <algorithm>
#include <numeric>

#include "autograd/tape.h"
#include "base/error.h"
#include "ops/cross_entropy.h"

namespace peft {
namespace {

using Adapters = std::vector<std::shared_ptr<const HookTable>>;

constexpr int64_t chunk_rows = 128;
// Products of more rows would not be rounded to int8: a session decodes with few.
constexpr size_t decode_rows = 8;

void check_ids(const Transformer& model, std::span<const int32_t> ids) {
  check(!ids.empty(), Code::invalid_argument, "there are no tokens");
  for (const int32_t id : ids)
    check(id >= 0 && id < model.spec().vocabulary, Code::invalid_argument,
          "token id {} is beyond the model's vocabulary of {}", id, model.spec().vocabulary);
}

std::vector<ActiveAdapters> for_all_rows(const Adapters& adapters) {
  std::vector<ActiveAdapters> active;
  if (!adapters.empty()) active.push_back({0, 1, adapters});
  return active;
}

// Calls use(pass, first, count) for pieces of the row, in order: the whole row where arithmetic does not depend
// on the number of rows, else through a cache, as a session decodes.
template <typename Use>
void for_each_piece(const Transformer& model, Workspace& workspace, std::span<const int32_t> ids,
                    const Adapters& adapters, Use&& use) {
  if (workspace.context().arithmetic != Arithmetic::int8) {
    Pass pass(workspace, ids, RowMap({{0, static_cast<int32_t>(ids.size()), 0, 0}}), for_all_rows(adapters));
    return use(pass, size_t{0}, ids.size());
  }
  KvSequence cache(model.spec(), workspace.context());
  for (size_t first = 0; first < ids.size(); first += decode_rows) {
    const size_t count = std::min(decode_rows, ids.size() - first);
    Pass pass(workspace, ids.subspan(first, count),
              RowMap({{0, static_cast<int32_t>(count), cache.length(), 0}}), for_all_rows(adapters), {&cache});
    use(pass, first, count);
  }
}

std::vector<int32_t> range(int64_t first, int64_t count) {
  std::vector<int32_t> wanted(static_cast<size_t>(count));
  std::iota(wanted.begin(), wanted.end(), static_cast<int32_t>(first));
  return wanted;
}

}  // namespace

std::vector<float> token_log_probabilities(const Transformer& model, Workspace& workspace,
                                           std::span<const int32_t> ids, const Adapters& adapters) {
  Context& context = workspace.context();
  const TapeScope scope(context, nullptr);
  check_ids(model, ids);
  std::vector<float> values;
  values.reserve(ids.size() - 1);
  const std::span<const int32_t> scored = ids.first(ids.size() - 1);
  if (scored.empty()) return values;
  for_each_piece(model, workspace, scored, adapters, [&](Pass& pass, size_t first, size_t size) {
    const auto count = static_cast<int64_t>(size);
    const Hidden hidden = model.forward(pass, range(0, count));
    const Tensor labels = context.from_host(ids.subspan(first + 1, size), {count});
    int64_t begin = 0;
    const ChunkedLoss loss = chunked_cross_entropy(
        context, hidden.states, labels, 0.0f, chunk_rows, [&](Context&, const Tensor& chunk) {
          const Placement at = hidden.placement.row_range(begin, chunk.rows());
          begin += chunk.rows();
          return model.logits(pass, {chunk, at});
        });
    for (const float value : context.to_host(loss.losses)) values.push_back(-value);
  });
  return values;
}

std::vector<float> token_logits(const Transformer& model, Workspace& workspace, std::span<const int32_t> ids,
                                const Adapters& adapters, int64_t first, int64_t count) {
  Context& context = workspace.context();
  const TapeScope scope(context, nullptr);
  check_ids(model, ids);
  const int64_t end = first + count;
  PEFT_ASSERT(first >= 0 && count > 0 && end <= static_cast<int64_t>(ids.size()));
  std::vector<float> values;
  values.reserve(static_cast<size_t>(count * model.spec().vocabulary));
  const std::span<const int32_t> needed = ids.first(static_cast<size_t>(end));
  for_each_piece(model, workspace, needed, adapters, [&](Pass& pass, size_t piece, size_t size) {
    const auto piece_begin = static_cast<int64_t>(piece);
    const int64_t skipped = std::clamp<int64_t>(first - piece_begin, 0, static_cast<int64_t>(size));
    const int64_t wanted = static_cast<int64_t>(size) - skipped;
    // A piece before the wanted ones is run for its keys and values; its last state is the least to ask for.
    const Hidden hidden = model.forward(pass, wanted > 0 ? range(skipped, wanted) : range(skipped - 1, 1));
    for (int64_t begin = 0; begin < wanted; begin += chunk_rows) {
      const int64_t rows = std::min(chunk_rows, wanted - begin);
      const Hidden chunk{hidden.states.row_range(begin, rows), hidden.placement.row_range(begin, rows)};
      const std::vector<float> part = context.to_host(model.logits(pass, chunk));
      values.insert(values.end(), part.begin(), part.end());
    }
  });
  return values;
}

}  // namespace peft
