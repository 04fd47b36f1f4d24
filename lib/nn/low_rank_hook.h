// Low-rank updates around the base's product: of a whole pass, or of ranges of its rows.
#pragma once

#include <span>
#include <vector>

#include "nn/hooks.h"
#include "nn/pass.h"

namespace peft {

// Adds the update of rows [begin, begin + count) (count < 0: all) to `outputs`, differentiably.
void add_low_rank(Pass& pass, const Tensor& x, const LowRankHook& hook, RowRange rows, std::vector<Tensor>& outputs);

// A hook and its rows.
struct HookedRows {
  const LowRankHook* hook;
  int64_t first_row, row_count;
};

// Adds all of them; no row is in two. Few rows a hook and nothing to record: in kernels that take the batch at once.
void add_low_rank(Pass& pass, const Tensor& x, std::span<const HookedRows> rows, std::vector<Tensor>& outputs);

}  // namespace peft
