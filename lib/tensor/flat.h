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

enum class FlatPlace : uint8_t {
  pool,
  shared,  // Context::empty_shared
  host,    // Context::empty_on_host
};

// Zeros of these shapes. Parts begin at multiples of 256 bytes and follow each other in order, so that equal lists of
// shapes lie equally.
FlatTensors flat_zeros(Context& context, std::span<const Shape> shapes, FlatPlace place = FlatPlace::pool);

std::vector<Shape> shapes_of(std::span<const Tensor> tensors);

}  // namespace peft
