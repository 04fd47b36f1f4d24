// Activation checkpointing: run a block without recording, keep only its inputs, run it again in the backward
// walk.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "autograd/offload.h"
#include "autograd/tape.h"

namespace peft {

using Block = std::function<Tensor(Context&, std::span<const Tensor> inputs)>;

// Runs `block` on `inputs`. `trains_inside` must be true when a parameter used inside needs a gradient: then
// the block is recorded even if no input does (adapters on the lowest layers). The block must give the same
// result both times: random bits come from counters, so dropout does. With `offload`, which must outlive the walk, the
// inputs wait there.
Tensor checkpoint(Context& context, std::span<const Tensor> inputs, bool trains_inside, Block block,
                  Offload* offload = nullptr);

// Runs `body` on `input` and at once backward through it, so that what it allocates lives only for the call:
// used for the chunks of the loss. `body` returns (value to differentiate, its gradient), every scale already
// in the gradient. Parameters inside receive their gradients immediately. Returns the gradient to `input` for
// the caller to pass on (Tape::backward(context, input, gradient)); undefined when `input` needs none.
// Without a tape: `body` alone.
struct Differentiated {
  Tensor value;
  Tensor gradient;
};
Tensor differentiate_now(Context& context, const Tensor& input,
                         const std::function<Differentiated(Context&, const Tensor& input)>& body);

}  // namespace peft
