// Which tokens belong together. Activations are [tokens, width] without padding; a row is one document, prompt or sequence.
#pragma once

#include <cstdint>
#include <vector>

#include "tensor/context.h"

namespace peft {

struct Row {
  int32_t begin = 0, length = 0;  // tokens of the pass
  int32_t position = 0;           // of its first token; larger than 0 when a cache holds what came before
  int32_t id = 0;                 // dropout's row counter: the row's number in the step, whatever micro-batch holds it
};

class RowMap {
 public:
  RowMap() = default;
  explicit RowMap(std::vector<Row> rows);

  const std::vector<Row>& rows() const { return rows_; }
  int64_t tokens() const { return tokens_; }
  int32_t last_position() const;  // highest position of any token

  // Device copies that kernels read, made once a pass.
  struct DeviceRows {
    Tensor positions;  // i32 [tokens]
    Tensor row_ids;    // i32 [tokens, 2]: row id, position
    Tensor segments;   // i32 [rows, 4], AttentionSegment; keys are the row's own tokens when there is no cache
  };
  DeviceRows upload(Context& context, bool cached) const;

 private:
  std::vector<Row> rows_;
  int64_t tokens_ = 0;
};

}  // namespace peft
