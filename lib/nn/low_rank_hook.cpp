#include "nn/low_rank_hook.h"

#include <algorithm>

namespace peft {
namespace {

// A range of more rows is worth products of its own, which the backend cuts into tiles.
constexpr int64_t most_grouped_rows = 8;

}  // namespace

void add_low_rank(Pass& pass, const Tensor& x, const LowRankHook& hook, RowRange rows, std::vector<Tensor>& outputs) {
  Context& context = pass.context();
  RowDropout dropout;
  if (pass.options().training && hook.dropout > 0.0f) {
    dropout.options = {hook.dropout, hook.dropout_module, pass.options().step, pass.options().seed};
    dropout.row_ids = pass.placement.row_ids;
  }
  // One product with all A matrices of the group, one small product per adapted member. Members of a group share a
  // dropout mask: they read the same x.
  const Tensor h = shrink(context, x, hook.update.a, rows, dropout);
  for (const LowRankUpdate::Part& part : hook.update.parts) {
    Tensor& y = outputs[static_cast<size_t>(part.member)];
    ExpandRange range;
    range.h_begin = part.h_begin;
    range.first_row = rows.begin;
    y = expand_add(context, std::move(y), h, part.b, part.scale, range);
  }
}

void add_low_rank(Pass& pass, const Tensor& x, std::span<const HookedRows> rows, std::vector<Tensor>& outputs) {
  Context& context = pass.context();
  std::vector<RowsUpdate> grouped;
  for (const HookedRows& each : rows) {
    if (each.row_count == 0) continue;
    if (context.tape || pass.options().training || each.row_count > most_grouped_rows) {
      add_low_rank(pass, x, *each.hook, {each.first_row, each.row_count}, outputs);
    } else {
      grouped.push_back({&each.hook->update, each.first_row, each.row_count});
    }
  }
  add_row_updates(context, x, grouped, outputs);
}

}  // namespace peft
