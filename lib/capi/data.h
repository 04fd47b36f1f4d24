// Rows given by programs.
#pragma once

#include <vector>

#include "base/limits.h"
#include "data/row.h"
#include "peft/data.h"

namespace peft::capi {

// Borrowed views of `count` rows, checked.
std::vector<TokenRow> read_rows(const peft_row* rows, int64_t count, const Limits& limits);

}  // namespace peft::capi
