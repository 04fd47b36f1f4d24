// The two products of a low-rank update y += scale * (dropout(x) A^T) B^T (LoRA, Hu et al. 2021, equation 3).
//
// Narrow products are stacked: linears that share an input keep their A matrices as row ranges of one [sum of
// ranks, in] buffer, so one shrink() serves them all and each expand_add() reads its columns of h. Both take
// a range of tokens, so rows of one batch may use different adapters. Arithmetic is f32, or bf16 where the
// context asks for it.
#pragma once

#include <span>
#include <vector>

#include "ops/dropout.h"
#include "tensor/context.h"

namespace peft {

// A range of x's rows. count < 0: all of them.
struct RowRange {
  int64_t begin = 0, count = -1;
};

// h = dropout(x[rows]) A^T.  x [tokens, in]; a f32 [r, in], trainable; h [rows, r].
// Keeps x when A trains (with dropout the mask is drawn again, the dropped copy is not kept).
Tensor shrink(Context& context, const Tensor& x, const Tensor& a, RowRange rows = {},
              const RowDropout& dropout = {});

// Where an update lies in its stacked buffers.
struct ExpandRange {
  int64_t h_begin = 0;    // first column of h
  int64_t y_begin = 0;    // first column of y
  int64_t first_row = 0;  // row of y that belongs to h's first row
};

// y[first_row + i, y_begin + j] += scale * sum_k h[i, h_begin + k] b[j, k], all rows i of h.  b f32 [out, r],
// trainable. Returns y, changed in place when the given handle is the buffer's only holder (move it in: y =
// expand_add(context, std::move(y), ...)), else a changed copy. Keeps h when B trains and B when h needs a
// gradient; y's gradient passes through.
Tensor expand_add(Context& context, Tensor y, const Tensor& h, const Tensor& b, float scale,
                  ExpandRange range = {});

// What one adapter adds to the members of a linear group: outputs[member] += scale (x A^T)[:, h_begin :] B^T.
struct LowRankUpdate {
  struct Part {
    int member = 0;
    Tensor b;             // f32 [out, rank], dense
    float scale = 1.0f;
    int64_t h_begin = 0;  // row of a that belongs to b's first column
  };
  Tensor a;  // f32 [sum of ranks, in], dense
  std::vector<Part> parts;
};

// An update and the rows that it is for.
struct RowsUpdate {
  const LowRankUpdate* update = nullptr;
  int64_t first_row = 0, row_count = 0;
};

// Adds them all to `outputs` ([tokens, out] of every member, changed in place, without another holder): one kernel for
// the batch and one a member, however many adapters. No row may be in two of `updates`. Without gradients.
void add_row_updates(Context& context, const Tensor& x, std::span<const RowsUpdate> updates,
                     std::vector<Tensor>& outputs);

}  // namespace peft
