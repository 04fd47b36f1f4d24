// Counter-based random numbers (Philox4x32-10, Salmon et al. 2011): the same (key, counter) gives the same bits on
// every device, in any order, so recomputation, packing and resuming change nothing.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>

namespace peft {

struct Philox {
  static constexpr uint32_t multiplier0 = 0xD2511F53u, multiplier1 = 0xCD9E8D57u;
  static constexpr uint32_t weyl0 = 0x9E3779B9u, weyl1 = 0xBB67AE85u;

  static constexpr std::array<uint32_t, 4> generate(uint64_t key, uint64_t counter_high, uint64_t counter_low) {
    uint32_t k0 = static_cast<uint32_t>(key), k1 = static_cast<uint32_t>(key >> 32);
    std::array<uint32_t, 4> c = {static_cast<uint32_t>(counter_low), static_cast<uint32_t>(counter_low >> 32),
                                 static_cast<uint32_t>(counter_high), static_cast<uint32_t>(counter_high >> 32)};
    for (int round = 0; round < 10; ++round) {
      const uint64_t p0 = uint64_t{multiplier0} * c[0], p1 = uint64_t{multiplier1} * c[2];
      c = {static_cast<uint32_t>(p1 >> 32) ^ c[1] ^ k0, static_cast<uint32_t>(p1),
           static_cast<uint32_t>(p0 >> 32) ^ c[3] ^ k1, static_cast<uint32_t>(p0)};
      k0 += weyl0;
      k1 += weyl1;
    }
    return c;
  }
};

// [0, 1) with 24 bits.
constexpr float uniform_from_bits(uint32_t bits) { return static_cast<float>(bits >> 8) * 0x1.0p-24f; }

// A sequence over Philox: (seed, stream) fixed, position counts draws. State is the position alone.
class RandomStream {
 public:
  RandomStream(uint64_t seed, uint64_t stream, uint64_t position = 0)
      : seed_(seed), stream_(stream), position_(position) {}
  uint32_t bits() {
    const uint64_t at = position_++;
    return Philox::generate(seed_, stream_, at >> 2)[at & 3];
  }
  float uniform() { return uniform_from_bits(bits()); }
  // Uniform in [0, bound) without bias (Lemire).
  uint32_t below(uint32_t bound) {
    for (;;) {
      const uint64_t product = uint64_t{bits()} * bound;
      if (static_cast<uint32_t>(product) >= (-bound) % bound) return static_cast<uint32_t>(product >> 32);
    }
  }
  // Standard normal (Box-Muller, cosine branch only: two draws a value).
  float normal() {
    const double u = 1.0 - static_cast<double>(uniform()), v = static_cast<double>(uniform());
    return static_cast<float>(std::sqrt(-2.0 * std::log(u)) * std::cos(6.283185307179586 * v));
  }
  uint64_t position() const { return position_; }

 private:
  uint64_t seed_, stream_, position_;
};

}  // namespace peft
