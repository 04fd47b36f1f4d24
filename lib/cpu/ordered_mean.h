// The mean of f32 values in the order in which torch adds them up on a CPU (one thread), so that what is
// derived from it has torch's bits: vectors of 8 lanes go round four accumulators, which are carried upwards
// at powers of two to bound errors.
#pragma once

#include <cstdint>
#include <span>

namespace peft {

float ordered_mean(std::span<const float> values);

}  // namespace peft
