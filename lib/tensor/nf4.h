// The NF4 layout in memory, as bitsandbytes defines the arithmetic (Dettmers et al. 2023): blocks of 64
// elements over the row-major flattened tensor, even element in the high nibble.
//
// One buffer: codes | block maxima | nested maxima | offset, each part 64-byte aligned.
//   nf4         maxima: f32 [blocks]
//   nf4_double  maxima: u8 [blocks] into the signed dynamic map, nested maxima: f32 [nested_blocks], offset:
//   f32 [1];
//               maximum[i] = dynamic_map[code[i]] * nested[i / 256] + offset
#pragma once

#include <array>
#include <cstdint>

#include "tensor/dtype.h"

namespace peft {

inline constexpr int64_t nf4_block = 64;
inline constexpr int64_t nf4_nested_block = 256;

// The 16 values of the code (bitsandbytes functional.py, get_4bit_type("nf4")).
inline constexpr std::array<float, 16> nf4_values = {-1.0f,
                                                     -0.6961928009986877f,
                                                     -0.5250730514526367f,
                                                     -0.39491748809814453f,
                                                     -0.28444138169288635f,
                                                     -0.18477343022823334f,
                                                     -0.09105003625154495f,
                                                     0.0f,
                                                     0.07958029955625534f,
                                                     0.16093020141124725f,
                                                     0.24611230194568634f,
                                                     0.33791524171829224f,
                                                     0.44070982933044434f,
                                                     0.5626170039176941f,
                                                     0.7229568362236023f,
                                                     1.0f};

// The signed dynamic map of 256 values, ascending (bitsandbytes functional.py, create_dynamic_map()).
const std::array<float, 256>& dynamic_map();

struct Nf4Layout {
  int64_t elements, blocks, nested_blocks;
  int64_t codes_bytes;                                  // (elements + 1) / 2
  int64_t maxima_offset, nested_offset, offset_offset;  // bytes from the start
  int64_t total_bytes;

  static Nf4Layout of(DType dtype, int64_t elements);
};

}  // namespace peft
