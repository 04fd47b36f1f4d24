// Attention over segments of one batch, and over pages of a cache.
#pragma once

#include "tensor/context.h"

namespace peft {

// softmax(scale q k^T) v for each segment and head.  q [tokens, heads * head_dim]; k, v [keys, kv_heads *
// head_dim]; segments i32 [s, 4] (AttentionSegment). Returns [tokens, heads * head_dim]; every token belongs
// to a segment. Keeps q, k, v, the output and one log-sum-exp a token and head; memory does not grow with the
// square of the length.
Tensor attention(Context& context, const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& segments,
                 const AttentionOptions& options);

// Puts the keys and values of new tokens into their pages. No gradient.  k, v [tokens, kv_heads * head_dim];
// page_table i64 [s, pages]: addresses; segments i32 [s, 4].
void write_pages(Context& context, const Tensor& k, const Tensor& v, const Tensor& page_table,
                 const Tensor& segments, const PageLayout& layout);

// `attention` with the keys of segment s in the pages of row s. No gradient: Code::state when q needs one and
// a tape is set. maximum_keys: largest key_count of any segment.
Tensor attention_paged(Context& context, const Tensor& q, const Tensor& page_table, const Tensor& segments,
                       const AttentionOptions& options, const PageLayout& layout, int64_t maximum_keys);

}  // namespace peft
