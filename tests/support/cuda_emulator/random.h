// The orders' own generator: small, and the same everywhere.
#pragma once

#include <cstdint>
#include <numeric>

namespace cuda_emulator {

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 0x9E3779B97F4A7C15ull + 0xD1B54A32D192ED03ull) {}
  uint64_t below(uint64_t bound) {
    state_ ^= state_ << 13, state_ ^= state_ >> 7, state_ ^= state_ << 17;
    return bound <= 1 ? 0
                      : static_cast<uint64_t>(
                            (static_cast<unsigned __int128>(state_ * 0x2545F4914F6CDD1Dull) * bound) >> 64);
  }
  // Between 1 and `count`, without a common divisor.
  uint64_t coprime_below(uint64_t count) {
    if (count <= 2) return 1;
    for (;;) {
      const uint64_t step = 1 + below(count - 1);
      if (std::gcd(step, count) == 1) return step;
    }
  }

 private:
  uint64_t state_;
};

}  // namespace cuda_emulator
