// Tokenized rows: what a data set holds and what training reads.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace peft {

// Label of a token that bears no loss.
inline constexpr int32_t ignored_label = -100;

// One row of a Dataset, borrowed from it. labels[i] is ids[i] or ignored_label: the loss of predicting token i from the
// tokens before it. The shift happens in training, so labels[0] never bears a loss.
struct RowView {
  std::span<const int32_t> ids;     // [tokens]
  std::span<const int32_t> labels;  // [tokens]
  int64_t loss_tokens = 0;          // labels at positions >= 1 that are not ignored
  int64_t line = 0;                 // where the row begins in its file, from 1; for rows from memory the row's number
};

// One row given by a program, borrowed for the call. Without labels each token predicts the next one.
struct TokenRow {
  std::span<const int32_t> ids;
  std::optional<std::span<const int32_t>> labels;  // as many as ids
};

}  // namespace peft
