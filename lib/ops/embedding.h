// Table lookup.
#pragma once

#include <span>

#include "tensor/context.h"

namespace peft {

// y[t,:] = table[ids[t],:].  table any dtype [vocabulary, width] (f32 when it trains); ids i32 [tokens], each
// in range: the caller has checked them on the host; y f32 [tokens, width]. Keeps ids when the table trains.
Tensor embedding(Context& context, const Tensor& table, const Tensor& ids);

// h[t,k] = a[k, ids[t]]: the table lies transposed, as LoRA keeps its A of an embedding.  a f32 [r,
// vocabulary], dense; ids on the host, each in range; h [tokens, r]. r * vocabulary and r * tokens fit in 31
// bits (Code::limit). Keeps the places when a trains.
Tensor embedding_columns(Context& context, const Tensor& a, std::span<const int32_t> ids);

}  // namespace peft
