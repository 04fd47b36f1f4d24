// Dropout whose bits come from counters, so recomputation and packing change none of them.
#pragma once

#include <string_view>

#include "tensor/context.h"

namespace peft {

// One place of dropout. row_ids i32 [tokens, 2]: row and position of every token
// (RowMap::DeviceRows::row_ids).
struct RowDropout {
  DropoutOptions options;
  Tensor row_ids;
  bool active() const { return options.probability > 0.0f; }
};

// Throws unless `dropout` is inactive or valid for `tokens` tokens; `op` names the caller.
void check_dropout(std::string_view op, const RowDropout& dropout, int64_t tokens);

// y = x * mask / (1 - probability).  x [tokens, columns]. Keeps options and row_ids, no mask. Inactive:
// returns x itself. Code::invalid_argument unless 0 <= probability < 1.
Tensor dropout(Context& context, const Tensor& x, const RowDropout& dropout);

}  // namespace peft
