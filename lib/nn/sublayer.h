// One layer of a stack, bound to its modules: what describe() named, looked up once.
#pragma once

#include <cstdint>
#include <vector>

#include "nn/module.h"
#include "nn/pass.h"

namespace peft {

// Module and group indices of one body; -1 where the spec has no such part.
struct Body {
  const BodySpec* spec = nullptr;
  int32_t input_group = -1;   // q/k/v, or gate/up
  int32_t output_group = -1;  // attention output, or down
  int32_t query_norm = -1, key_norm = -1;
};

struct Sublayer {
  const SublayerSpec* spec = nullptr;
  int32_t norm_in = -1, norm_out = -1, norm_sum = -1;
  std::vector<Body> bodies;
};

struct TransformerBlock {
  int32_t layer = 0;
  std::vector<Sublayer> sublayers;
};

std::vector<TransformerBlock> bind_blocks(const ModelSpec& spec, const Layout& layout);

Tensor apply_norm(const Transformer& model, Pass& pass, const NormSpec& spec, int32_t module, const Tensor& x);

// x [tokens, width] -> [tokens, width]
Tensor run_block(const Transformer& model, Pass& pass, const TransformerBlock& block, Tensor x);

}  // namespace peft
