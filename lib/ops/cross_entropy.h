// The loss of language models over the rows of a logits matrix, and over hidden states without ever holding
// all logits.
#pragma once

#include <functional>

#include "tensor/context.h"

namespace peft {

// losses[r] = log(sum exp logits[r,:]) - logits[r, labels[r]]; label ignored_label: 0.  logits f32 [rows,
// vocabulary], unchanged; labels i32 [rows], each -100 or in range (the caller has checked); losses f32
// [rows]. No gradient.
Tensor cross_entropy(Context& context, const Tensor& logits, const Tensor& labels);

// The same, and the logits are overwritten by gradient_scale * d(sum of losses)/d logits. The buffer must
// have no holder but the given handle (Code::state otherwise). No tape: the caller feeds the gradient to
// Tape::backward or differentiate_now().
Tensor cross_entropy_in_place(Context& context, Tensor& logits, const Tensor& labels, float gradient_scale);

// head: hidden [n, width] -> logits [n, vocabulary], freshly made; recorded and differentiated chunk by
// chunk.
using HeadFunction = std::function<Tensor(Context&, const Tensor& hidden)>;

struct ChunkedLoss {
  Tensor losses;    // f32 [rows]
  Tensor gradient;  // gradient_scale * d(sum of losses)/d hidden, [rows, width]; undefined when hidden needs
                    // none
};

// Runs head and cross-entropy over `chunk_rows` rows at a time; never more than one chunk of logits exists.
// With a tape set, parameters inside the head receive their gradients at once, and the gradient to `hidden`
// is returned for Tape::backward(context, hidden, gradient). Without a tape: losses only. Polls
// context.cancel at every chunk.
ChunkedLoss chunked_cross_entropy(Context& context, const Tensor& hidden, const Tensor& labels,
                                  float gradient_scale, int64_t chunk_rows, const HeadFunction& head);

}  // namespace peft
