// A small Llama with LoRA on every projection, made of plain ops: what a training step of the library does,
// without nn.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "autograd/tape.h"
#include "tensor/context.h"

namespace peft {

struct TinyNetwork {
  struct Options {
    int64_t tokens = 24, width = 32, hidden = 48, vocabulary = 40, rank = 4, layers = 3;
    int32_t heads = 4, kv_heads = 2;
    bool checkpointed = false;
    float dropout = 0.0f;
    int64_t lowest_trained_layer = 0;  // adapters below are frozen
  };
  // One linear group with its stacked A and the B of every member.
  struct Group {
    std::vector<Tensor> weights, b;
    Tensor a;
  };
  struct Layer {
    Tensor attention_norm, feed_forward_norm;
    Group qkv, output, gate_up, down;
  };

  TinyNetwork(Context& context, const Options& options);

  // Forward and backward; gradients are added to the adapters'. Returns the losses of all tokens.
  std::vector<float> step(Context& context, uint32_t step_number = 0);
  // Every trainable tensor, A before B, from the lowest layer up.
  std::vector<Tensor> trainable() const;

  Options options;
  Tensor table, head, final_norm, ids, labels, positions, row_ids, segments, rope_table;
  std::vector<Layer> layers;

 private:
  std::vector<Tensor> apply(Context& context, const Group& group, const Tensor& x, uint32_t module,
                            uint32_t step_number) const;
  Tensor run_layer(Context& context, const Tensor& x, int64_t index, uint32_t step_number) const;
  Tensor random(Context& context, const Shape& shape, float scale);
  Group make_group(Context& context, int64_t in, const std::vector<int64_t>& outs, bool trains);

  std::mt19937 generator_{7};
};

}  // namespace peft
