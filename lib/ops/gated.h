// The gated activation of SwiGLU and GeGLU (Shazeer 2020).
#pragma once

#include "tensor/context.h"

namespace peft {

// y = f(gate) * up, all [tokens, columns]. Keeps gate and up and recomputes f; their buffers take the
// gradients when the op is their only holder (move both in).
Tensor gated(Context& context, UnaryKind kind, Tensor gate, Tensor up);

}  // namespace peft
