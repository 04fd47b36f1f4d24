// Rotary positions (Su et al. 2021), pairs (i, i + rotary_dim / 2).
#pragma once

#include "tensor/context.h"

namespace peft {

// x [tokens, heads * head_dim]; positions i32 [tokens]; table f32 [positions, rotary_dim]: cosines, then
// sines. Keeps positions and table. Works in place when the handle moved in is the buffer's only holder.
Tensor rope(Context& context, Tensor x, const Tensor& positions, const Tensor& table,
            const RopeOptions& options);

}  // namespace peft
