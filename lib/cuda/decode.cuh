// Stored weights as f32, bit for bit as lib/cpu/decode.h has them: by the element, and in packs within a row.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "cuda/block_formats.cuh"
#include "cuda/nf4.cuh"
#include "cuda/vector.cuh"

namespace peft::cuda {

template <DType dtype>
using PlainType =
    std::conditional_t<dtype == DType::f32, float, std::conditional_t<dtype == DType::f16, Half, BFloat16>>;

// Rows of f32, f16, bf16 or one of GGUF's block formats. row_bytes: from one row to the next.
template <DType dtype>
struct StoredRows {
  const uint8_t* data = nullptr;
  int64_t row_bytes = 0;

  // `count` values from `column` on. Blocks: 4, 8 or 16, column a multiple of it. Plain types: the addresses must be
  // multiples of the pack's size.
  template <int count>
  __device__ void decode(int64_t row, int64_t column, float (&values)[count]) const {
    const uint8_t* from = data + row * row_bytes;
    if constexpr (is_floating(dtype)) {
      const auto pack = load<count>(reinterpret_cast<const PlainType<dtype>*>(from) + column);
#pragma unroll
      for (int i = 0; i < count; ++i) values[i] = to_float(pack.v[i]);
    } else if constexpr (count == 1) {
      values[0] = at(row, column);
    } else {
      using Format = BlockFormat<dtype>;
      const uint8_t* block = from + column / Format::elements * Format::bytes;
      const int first = static_cast<int>(column % Format::elements) / 4;
      uint32_t codes[count / 4];
      Format::words(block, first, codes);
      const RunScale scale = Format::scale(block, first / 4);
#pragma unroll
      for (int i = 0; i < count / 4; ++i) {
        float four[4];
        decode_word<dtype>(codes[i], scale, four);
#pragma unroll
        for (int k = 0; k < 4; ++k) values[4 * i + k] = four[k];
      }
    }
  }
  __device__ float at(int64_t row, int64_t column) const {
    if constexpr (is_floating(dtype)) {
      float value[1];
      decode(row, column, value);
      return value[0];
    } else {
      float four[4];
      decode(row, column / 4 * 4, four);
      const auto place = static_cast<int>(column % 4);
      return place == 0 ? four[0] : place == 1 ? four[1] : place == 2 ? four[2] : four[3];
    }
  }
};

template <DType dtype>
StoredRows<dtype> stored_rows(const ConstView& x) {
  if constexpr (is_quantized(dtype)) {
    PEFT_ASSERT(reinterpret_cast<uintptr_t>(x.data) % BlockFormat<dtype>::alignment == 0);
  }
  return {reinterpret_cast<const uint8_t*>(x.data),
          is_quantized(dtype) ? row_bytes(dtype, x.columns()) : x.row_stride * traits(dtype).block_bytes};
}

// Whether packs of `count` may be read from each row of plain x.
template <int count>
bool packs_aligned(const ConstView& x) {
  const int64_t bytes = count * traits(x.dtype).block_bytes;
  return reinterpret_cast<uintptr_t>(x.data) % static_cast<uintptr_t>(bytes) == 0 &&
         (x.rows() <= 1 || x.row_stride % count == 0);
}

// Calls body(std::integral_constant<DType, ...>) for the type of rows that StoredRows reads; any other is refused.
template <typename Body>
decltype(auto) with_stored_type(DType dtype, Body&& body) {
  switch (dtype) {
#define PEFT_CASE(name) \
  case DType::name: \
    return body(std::integral_constant<DType, DType::name>{});
    PEFT_CASE(f32)
    PEFT_CASE(f16)
    PEFT_CASE(bf16)
    PEFT_CASE(q4_0)
    PEFT_CASE(q4_1)
    PEFT_CASE(q5_0)
    PEFT_CASE(q5_1)
    PEFT_CASE(q8_0)
    PEFT_CASE(q2_k)
    PEFT_CASE(q3_k)
    PEFT_CASE(q4_k)
    PEFT_CASE(q5_k)
    PEFT_CASE(q6_k)
#undef PEFT_CASE
    default:
      fail(Code::unsupported, "cannot decode {} to f32", name_of(dtype));
  }
}

}  // namespace peft::cuda
