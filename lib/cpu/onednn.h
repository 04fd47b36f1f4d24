// oneDNN behind one call: a product on the calling thread, for many rows.
//
// No parallel region ever starts: libgomp's thread count of the calling thread is 1 during the call. Results
// depend on the shapes and the instruction set alone.
#pragma once

#include <cstdint>

namespace peft {

// c[m,n] (+)= alpha op(a) op(b); a is [m,k], or [k,m] when a_transposed; b is [k,n], or [n,k] when
// b_transposed; strides of rows in elements.
struct Product {
  int64_t m = 0, n = 0, k = 0;
  bool a_transposed = false, b_transposed = false;
  int64_t a_stride = 0, b_stride = 0, c_stride = 0;
  float alpha = 1.0f;
  bool accumulate = false;
};

void multiply_float32(const Product& product, const float* a, const float* b, float* c);

// Whether the CPU multiplies bf16 natively (AMX or AVX-512 BF16); elsewhere rounded values go through f32.
bool has_bfloat16_products();
// Sums in f32. Needs has_bfloat16_products().
void multiply_bfloat16(const Product& product, const uint16_t* a, const uint16_t* b, float* c);

}  // namespace peft
