// Many f32 tensors in one buffer, so that what is done to all of them is one kernel: parameters under training, their
// gradients and moments.
#pragma once

#include <span>
#include <vector>

#include "tensor/context.h"

namespace peft {

struct FlatTensors {
  Tensor all;  // [elements]; between the parts lie zeros that nobody uses
  std::vector<Tensor> parts;
};

// Zeros of these shapes. Parts begin at multiples of 256 bytes and follow each other in order, so that equal lists of
// shapes lie equally. `shared`: not from the pool (Context::empty_shared).
FlatTensors flat_zeros(Context& context, std::span<const Shape> shapes, bool shared = false);

std::vector<Shape> shapes_of(std::span<const Tensor> tensors);

}  // namespace peft
