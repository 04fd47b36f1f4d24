// Decoding any stored element type to f32 or bf16, a stretch of one row at a time, on the calling thread.
//
// Values are those of the format's reference decoder (the gguf Python package; bitsandbytes for nf4) bit for
// bit: products and sums are rounded one by one, nothing is fused.
#pragma once

#include <cstdint>

#include "tensor/nf4.h"
#include "tensor/view.h"

namespace peft {

class RowDecoder {
 public:
  explicit RowDecoder(const ConstView& x);

  // out[i] = x[row, begin + i] for i < count; any begin and count inside the row.
  void decode(int64_t row, int64_t begin, int64_t count, float* out) const;
  // The same rounded to the nearest bf16.
  void decode_bfloat16(int64_t row, int64_t begin, int64_t count, uint16_t* out) const;
  // nf4 only: the maxima of blocks [first, first + count) of the whole tensor.
  void nf4_maxima(int64_t first, int64_t count, float* out) const;

 private:
  void decode_blocks(const std::byte* row_data, int64_t begin, int64_t count, float* out) const;
  void decode_nf4(int64_t element, int64_t count, float* out) const;

  ConstView x_;
  int64_t row_bytes_ = 0, block_elements_ = 1, block_bytes_ = 0;
  Nf4Layout nf4_{};
  const float* dynamic_map_ = nullptr;
};

// `count` whole blocks of one GGUF type, one after the other.
void decode_blocks_of_32(DType dtype, const uint8_t* blocks, int64_t count, float* out);   // q4_0 ... q8_0
void decode_blocks_of_256(DType dtype, const uint8_t* blocks, int64_t count, float* out);  // q2_k ... q6_k

// out[i] = code of element begin + i, times its block's entry of `maxima`, whose first entry belongs to the
// block of `begin`. begin and count even, except that count may be odd at the end.
void decode_nf4_codes(const uint8_t* codes, int64_t begin, int64_t count, const float* maxima, float* out);

}  // namespace peft
