// Stretches of contiguous elements between f32 and the half formats, on this thread; to nearest even.
#pragma once

#include <cstdint>

namespace peft {

void convert_bfloat16_to_float(const uint16_t* x, float* y, int64_t count);
void convert_float_to_bfloat16(const float* x, uint16_t* y, int64_t count);
// y = the nearest bf16 values, kept as f32; y may be x.
void round_float_to_bfloat16(const float* x, float* y, int64_t count);
void convert_half_to_float(const uint16_t* x, float* y, int64_t count);
void convert_float_to_half(const float* x, uint16_t* y, int64_t count);

}  // namespace peft
