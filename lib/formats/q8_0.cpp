#include <cmath>
#include <cstring>
#include <vector>

#include "base/error.h"
#include "base/half.h"
#include "formats/gguf_writer.h"

namespace peft {
void encode_q8_0(std::span<const float> values, std::span<std::byte> out) {
  constexpr size_t block = 32, block_bytes = 34;
  check(values.size() % block == 0, Code::invalid_argument, "q8_0 needs a multiple of 32 values, found {}",
        values.size());
  check(out.size() == values.size() / block * block_bytes, Code::invalid_argument,
        "q8_0 of {} values takes {} bytes, found {}", values.size(), values.size() / block * block_bytes,
        out.size());
  for (size_t at = 0; at < values.size(); at += block) {
    const std::span<const float> x = values.subspan(at, block);
    float maximum = 0;
    for (const float value : x) {
      check(std::isfinite(value), Code::numeric, "q8_0 cannot hold the non-finite value at element {}", at);
      maximum = std::max(maximum, std::fabs(value));
    }
    const float scale = maximum / 127.0f;
    const uint16_t half = float_to_half(scale);
    check(half < 0x7c00, Code::numeric, "q8_0 cannot hold a block with the maximum {}", maximum);
    // A scale below f16's smallest is stored as 0, where the codes no longer matter; its inverse may
    // overflow.
    const float inverse = scale != 0 ? 1.0f / scale : 0.0f;
    std::byte* to = out.data() + at / block * block_bytes;
    std::memcpy(to, &half, 2);
    for (size_t i = 0; i < block; ++i) {
      const float code = std::isfinite(inverse) ? std::round(x[i] * inverse) : 0.0f;
      to[2 + i] = static_cast<std::byte>(static_cast<int8_t>(code));
    }
  }
}

void round_to_q8_0(std::span<float> values) {
  constexpr size_t block = 32, block_bytes = 34;
  std::vector<std::byte> bytes(values.size() / block * block_bytes);
  encode_q8_0(values, bytes);
  for (size_t at = 0; at < values.size(); at += block) {
    const std::byte* from = bytes.data() + at / block * block_bytes;
    uint16_t half;
    std::memcpy(&half, from, 2);
    const float scale = half_to_float(half);
    for (size_t i = 0; i < block; ++i)
      values[at + i] = scale * static_cast<float>(static_cast<int8_t>(from[2 + i]));
  }
}

}  // namespace peft
