// Table lookup.
#pragma once

#include "tensor/context.h"

namespace peft {

// y[t,:] = table[ids[t],:].  table any dtype [vocabulary, width] (f32 when it trains); ids i32 [tokens], each
// in range: the caller has checked them on the host; y f32 [tokens, width]. Keeps ids when the table trains.
Tensor embedding(Context& context, const Tensor& table, const Tensor& ids);

}  // namespace peft
