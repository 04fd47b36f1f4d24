// GGUF's block formats on the device: an element is (code - centre) * scale + offset, each operation rounded by
// itself, as lib/cpu/decode_blocks.cpp and decode_k_blocks.cpp have it. Codes come as bytes, four to a word: word w of a
// block holds the codes of its elements 4w to 4w + 3. Scales belong to runs of 16 elements.
#pragma once

#include <cstdint>

#include "cuda/convert.cuh"
#include "tensor/dtype.h"

namespace peft::cuda {

// value = (code - centre) * scale + offset. Adding -0 changes no float: the offset of formats that have none.
struct RunScale {
  float scale = 0, offset = -0.0f;
};

// `count` little-endian words at an address that is a multiple of `alignment`.
template <int alignment, int count>
__device__ inline void load_words(const uint8_t* p, uint32_t (&words)[count]) {
  if constexpr (alignment % 16 == 0 && count == 4) {
    const uint4 all = *reinterpret_cast<const uint4*>(p);
    words[0] = all.x, words[1] = all.y, words[2] = all.z, words[3] = all.w;
  } else if constexpr (alignment % 4 == 0) {
#pragma unroll
    for (int i = 0; i < count; ++i) words[i] = reinterpret_cast<const uint32_t*>(p)[i];
  } else {
    static_assert(alignment % 2 == 0);
    const auto* halves = reinterpret_cast<const uint16_t*>(p);
#pragma unroll
    for (int i = 0; i < count; ++i)
      words[i] = halves[2 * i] | static_cast<uint32_t>(halves[2 * i + 1]) << 16;
  }
}
__device__ inline float load_half(const uint8_t* p) { return to_float(Half{*reinterpret_cast<const uint16_t*>(p)}); }

// One bit of each byte, and the lowest `mask` of each byte after a shift.
__device__ inline uint32_t bits_of_bytes(uint32_t word, int shift, uint32_t mask) {
  return word >> shift & mask * 0x01010101u;
}

// What a format needs: elements, bytes, alignment (of every block and its codes), centre, has_offset,
//   words<count>(block, first, codes)   words first .. first + count - 1, inside one run, first a multiple of count
//   scale(block, run)
template <DType dtype>
struct BlockFormat;

// q4_0, q4_1, q5_0, q5_1: halves of 16 share bytes, low nibbles first; a fifth bit for each element lies apart.
template <int codes_at, int high_at, int block_bytes, int block_alignment, int code_centre>
struct NibbleFormat {
  static constexpr int elements = 32, bytes = block_bytes, alignment = block_alignment, centre = code_centre;
  static constexpr bool has_offset = centre == 0;

  template <int count>
  __device__ static void words(const uint8_t* block, int first, uint32_t (&codes)[count]) {
    load_words<alignment>(block + codes_at + 4 * (first % 4), codes);
    const int shift = first / 4 * 4;
#pragma unroll
    for (int i = 0; i < count; ++i) codes[i] = bits_of_bytes(codes[i], shift, 15);
    if constexpr (high_at > 0) {
      uint32_t high[1];
      load_words<alignment>(block + high_at, high);
#pragma unroll
      for (int i = 0; i < count; ++i) {
        // four neighbouring bits, to the lowest bit of a byte each
        const uint32_t four = high[0] >> (4 * (first + i)) & 15u;
        codes[i] |= (four * 0x00204081u & 0x01010101u) << 4;
      }
    }
  }
  __device__ static RunScale scale(const uint8_t* block, int /*run*/) {
    if constexpr (has_offset) return {load_half(block), load_half(block + 2)};
    return {load_half(block)};
  }
};
template <>
struct BlockFormat<DType::q4_0> : NibbleFormat<2, 0, 18, 2, 8> {};
template <>
struct BlockFormat<DType::q4_1> : NibbleFormat<4, 0, 20, 4, 0> {};
template <>
struct BlockFormat<DType::q5_0> : NibbleFormat<6, 2, 22, 2, 16> {};
template <>
struct BlockFormat<DType::q5_1> : NibbleFormat<8, 4, 24, 4, 0> {};

// Signed bytes, made unsigned.
template <>
struct BlockFormat<DType::q8_0> {
  static constexpr int elements = 32, bytes = 34, alignment = 2, centre = 128;
  static constexpr bool has_offset = false;

  template <int count>
  __device__ static void words(const uint8_t* block, int first, uint32_t (&codes)[count]) {
    load_words<alignment>(block + 2 + 4 * first, codes);
#pragma unroll
    for (int i = 0; i < count; ++i) codes[i] ^= 0x80808080u;
  }
  __device__ static RunScale scale(const uint8_t* block, int /*run*/) { return {load_half(block)}; }
};

template <>
struct BlockFormat<DType::q2_k> {
  static constexpr int elements = 256, bytes = 84, alignment = 4, centre = 0;
  static constexpr bool has_offset = true;

  template <int count>
  __device__ static void words(const uint8_t* block, int first, uint32_t (&codes)[count]) {
    const int run = first / 4;
    load_words<alignment>(block + 16 + 32 * (run / 8) + 16 * (run % 2) + 4 * (first % 4), codes);
#pragma unroll
    for (int i = 0; i < count; ++i) codes[i] = bits_of_bytes(codes[i], 2 * (run % 8 / 2), 3);
  }
  __device__ static RunScale scale(const uint8_t* block, int run) {
    const int both = block[run];
    return {__fmul_rn(load_half(block + 80), static_cast<float>(both & 15)),
            -__fmul_rn(load_half(block + 82), static_cast<float>(both >> 4))};
  }
};

template <>
struct BlockFormat<DType::q3_k> {
  static constexpr int elements = 256, bytes = 110, alignment = 2, centre = 4;
  static constexpr bool has_offset = false;

  template <int count>
  __device__ static void words(const uint8_t* block, int first, uint32_t (&codes)[count]) {
    const int run = first / 4, at = 16 * (run % 2) + 4 * (first % 4);
    uint32_t high[count];
    load_words<alignment>(block + 32 + 32 * (run / 8) + at, codes);
    load_words<alignment>(block + at, high);
#pragma unroll
    for (int i = 0; i < count; ++i) {
      codes[i] = bits_of_bytes(codes[i], 2 * (run % 8 / 2), 3) | bits_of_bytes(high[i], run / 2, 1) << 2;
    }
  }
  __device__ static RunScale scale(const uint8_t* block, int run) {
    const uint8_t* scales = block + 96;
    const int low = run < 8 ? scales[run] & 15 : scales[run - 8] >> 4;
    const int scale = (low | (scales[8 + run % 4] >> (2 * (run / 4)) & 3) << 4) - 32;
    return {__fmul_rn(load_half(block + 108), static_cast<float>(scale))};
  }
};

// q4_k, q5_k: eight runs of 32, their 6-bit scales and minima packed into the 12 bytes at 4.
template <int codes_at, int high_at, int block_bytes>
struct SixBitFormat {
  static constexpr int elements = 256, bytes = block_bytes, alignment = 16, centre = 0;
  static constexpr bool has_offset = true;

  template <int count>
  __device__ static void words(const uint8_t* block, int first, uint32_t (&codes)[count]) {
    const int sub = first / 8, at = 4 * (first % 8);
    load_words<count == 4 ? 16 : 4>(block + codes_at + 32 * (sub / 2) + at, codes);
#pragma unroll
    for (int i = 0; i < count; ++i) codes[i] = bits_of_bytes(codes[i], 4 * (sub % 2), 15);
    if constexpr (high_at > 0) {
      uint32_t high[count];
      load_words<count == 4 ? 16 : 4>(block + high_at + at, high);
#pragma unroll
      for (int i = 0; i < count; ++i) codes[i] |= bits_of_bytes(high[i], sub, 1) << 4;
    }
  }
  __device__ static RunScale scale(const uint8_t* block, int run) {
    const int sub = run / 2;
    uint32_t header[4];
    load_words<16>(block, header);  // two halves, then the 12 bytes
    const int at = sub % 4 * 8;
    const auto six = [at](uint32_t word) { return static_cast<int>(word >> at & 255u); };
    const int a = six(header[1]), b = six(header[2]), c = six(header[3]);
    const int scale = sub < 4 ? a & 63 : (c & 15) | a >> 6 << 4;
    const int minimum = sub < 4 ? b & 63 : c >> 4 | b >> 6 << 4;
    const float d = to_float(Half{static_cast<uint16_t>(header[0])});
    const float m = to_float(Half{static_cast<uint16_t>(header[0] >> 16)});
    return {__fmul_rn(d, static_cast<float>(scale)), -__fmul_rn(m, static_cast<float>(minimum))};
  }
};
template <>
struct BlockFormat<DType::q4_k> : SixBitFormat<16, 0, 144> {};
template <>
struct BlockFormat<DType::q5_k> : SixBitFormat<48, 16, 176> {};

// Four quarters of 32 share the bytes of half a block: nibbles of two runs, bit pairs of a third.
template <>
struct BlockFormat<DType::q6_k> {
  static constexpr int elements = 256, bytes = 210, alignment = 2, centre = 32;
  static constexpr bool has_offset = false;

  template <int count>
  __device__ static void words(const uint8_t* block, int first, uint32_t (&codes)[count]) {
    const int half = first / 32, quarter = first % 32 / 8, at = 4 * (first % 8);
    uint32_t pairs[count];
    load_words<alignment>(block + 64 * half + 32 * (quarter % 2) + at, codes);
    load_words<alignment>(block + 128 + 32 * half + at, pairs);
#pragma unroll
    for (int i = 0; i < count; ++i) {
      codes[i] = bits_of_bytes(codes[i], quarter / 2 * 4, 15) | bits_of_bytes(pairs[i], 2 * quarter, 3) << 4;
    }
  }
  __device__ static RunScale scale(const uint8_t* block, int run) {
    const auto scale = static_cast<int8_t>(block[192 + run]);
    return {__fmul_rn(load_half(block + 208), static_cast<float>(scale))};
  }
};

// The values of a word of codes.
template <DType dtype>
__device__ inline void decode_word(uint32_t codes, const RunScale& run, float (&values)[4]) {
  using Format = BlockFormat<dtype>;
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const float code = static_cast<float>(codes >> (8 * i) & 255u) - static_cast<float>(Format::centre);
    const float product = __fmul_rn(code, run.scale);
    values[i] = Format::has_offset ? __fadd_rn(product, run.offset) : product;
  }
}

}  // namespace peft::cuda
