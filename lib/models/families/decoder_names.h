// The names that Llama and its relatives share.
#pragma once

#include "models/family.h"

namespace peft {

// Q and K rows are interleaved by the GGUF converter of the architecture "llama" only.
template <bool interleaved>
inline constexpr NameRow decoder_names[] = {
    {"embedding", "model.embed_tokens", "token_embd"},
    {"blocks.{}.attention.norm_in", "model.layers.{}.input_layernorm", "blk.{}.attn_norm"},
    {"blocks.{}.attention.query", "model.layers.{}.self_attn.q_proj", "blk.{}.attn_q",
     interleaved ? GgufTransform::rotate_query : GgufTransform::none},
    {"blocks.{}.attention.key", "model.layers.{}.self_attn.k_proj", "blk.{}.attn_k",
     interleaved ? GgufTransform::rotate_key : GgufTransform::none},
    {"blocks.{}.attention.value", "model.layers.{}.self_attn.v_proj", "blk.{}.attn_v"},
    {"blocks.{}.attention.query_norm", "model.layers.{}.self_attn.q_norm", "blk.{}.attn_q_norm"},
    {"blocks.{}.attention.key_norm", "model.layers.{}.self_attn.k_norm", "blk.{}.attn_k_norm"},
    {"blocks.{}.attention.output", "model.layers.{}.self_attn.o_proj", "blk.{}.attn_output"},
    {"blocks.{}.feed_forward.norm_in", "model.layers.{}.post_attention_layernorm", "blk.{}.ffn_norm"},
    {"blocks.{}.feed_forward.gate", "model.layers.{}.mlp.gate_proj", "blk.{}.ffn_gate"},
    {"blocks.{}.feed_forward.up", "model.layers.{}.mlp.up_proj", "blk.{}.ffn_up"},
    {"blocks.{}.feed_forward.down", "model.layers.{}.mlp.down_proj", "blk.{}.ffn_down"},
    {"final_norm", "model.norm", "output_norm"},
    {"head", "lm_head", "output"},
};

}  // namespace peft
