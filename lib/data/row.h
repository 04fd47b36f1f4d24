// Tokenized rows: what a data set holds and what training reads.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "tensor/kernel_types.h"

namespace peft {

// One row of a Dataset, borrowed from it. labels[i] is ids[i] or ignored_label: the loss of predicting token
// i from the tokens before it. The shift happens in training, so labels[0] never bears a loss.
struct RowView {
  std::span<const int32_t> ids;     // [tokens]
  std::span<const int32_t> labels;  // [tokens]
  int64_t loss_tokens = 0;          // labels at positions >= 1 that are not ignored
  int64_t line = 0;  // of its file where the row begins, from 1; rows given by a program: their number,
                     // from 1; windows of plain text: 1
};

// One row given by a program, borrowed for the call. Without labels each token predicts the next one.
struct TokenRow {
  std::span<const int32_t> ids;
  std::optional<std::span<const int32_t>> labels;  // as many as ids
};

}  // namespace peft
