// GGUF's super-blocks of 256 (q2_k ... q6_k): sub-blocks of 16 or 32 whose scales are themselves quantized.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/decode_k_blocks.cpp"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"

#include "cpu/half-inl.h"

HWY_BEFORE_NAMESPACE();
namespace peft {
namespace HWY_NAMESPACE {

using D16 = hn::CappedTag<float, 16>;
using I16 = hn::Rebind<int32_t, D16>;
using B16 = hn::Rebind<uint8_t, D16>;
using I = hn::Vec<I16>;
using F = hn::Vec<D16>;

HWY_INLINE I load_bytes(const uint8_t* p) { return hn::PromoteTo(I16(), hn::LoadU(B16(), p)); }
HWY_INLINE I shift_right(I value, int bits) {
  const hn::RebindToUnsigned<I16> du;
  return hn::BitCast(I16(), hn::Shr(hn::BitCast(du, value), hn::Set(du, static_cast<uint32_t>(bits))));
}
// The bits `mask` of every byte shifted down, as a number.
HWY_INLINE I field(const uint8_t* p, int bits, int mask) {
  return hn::And(shift_right(load_bytes(p), bits), hn::Set(I16(), mask));
}

// out[i] = scale * q(i) - minimum for i < count (16 or 32); q(i) gives a vector of codes from element i.
template <class Codes>
HWY_INLINE void emit(int count, float scale, float minimum, float* out, const Codes& q) {
  const D16 df;
  const int lanes = static_cast<int>(hn::Lanes(df));
  const auto s = hn::Set(df, scale), m = hn::Set(df, minimum);
  for (int i = 0; i < count; i += lanes)
    hn::StoreU(hn::Sub(hn::Mul(hn::ConvertTo(df, q(i)), s), m), df, out + i);
}

void DecodeQ2K(const uint8_t* p, int64_t count, float* out) {
  for (; count > 0; --count, p += 84) {
    const float d = load_half(p + 80), minimum = load_half(p + 82);
    for (int sub = 0; sub < 16; ++sub, out += 16) {
      const uint8_t* codes = p + 16 + 32 * (sub / 8) + 16 * (sub % 2);
      const int shift = 2 * (sub % 8 / 2);
      emit(16, d * static_cast<float>(p[sub] & 15), minimum * static_cast<float>(p[sub] >> 4), out,
           [&](int i) HWY_ATTR { return field(codes + i, shift, 3); });
    }
  }
}

void DecodeQ3K(const uint8_t* p, int64_t count, float* out) {
  for (; count > 0; --count, p += 110) {
    const float d = load_half(p + 108);
    const uint8_t* scales = p + 96;
    for (int sub = 0; sub < 16; ++sub, out += 16) {
      const int low = sub < 8 ? scales[sub] & 15 : scales[sub - 8] >> 4;
      const int scale = (low | ((scales[8 + sub % 4] >> (2 * (sub / 4))) & 3) << 4) - 32;
      const uint8_t* codes = p + 32 + 32 * (sub / 8) + 16 * (sub % 2);
      const uint8_t* high = p + 16 * (sub % 2);
      const int shift = 2 * (sub % 8 / 2), bit = sub / 2;
      // A clear high bit subtracts 4.
      emit(16, d * static_cast<float>(scale), 0.0f, out, [&](int i) HWY_ATTR {
        const I four = hn::ShiftLeft<2>(field(high + i, bit, 1));
        return hn::Sub(hn::Add(field(codes + i, shift, 3), four), hn::Set(I16(), 4));
      });
    }
  }
}

struct ScaleAndMinimum {
  int scale, minimum;
};

// The eight 6-bit pairs in the 12 bytes of q4_k and q5_k.
HWY_INLINE ScaleAndMinimum unpack_six_bits(const uint8_t* p, int sub) {
  if (sub < 4) return {p[sub] & 63, p[sub + 4] & 63};
  return {(p[sub + 4] & 15) | (p[sub - 4] >> 6) << 4, (p[sub + 4] >> 4) | (p[sub] >> 6) << 4};
}

void DecodeQ4K(const uint8_t* p, int64_t count, float* out) {
  for (; count > 0; --count, p += 144) {
    const float d = load_half(p), minimum = load_half(p + 2);
    for (int sub = 0; sub < 8; ++sub, out += 32) {
      const ScaleAndMinimum six = unpack_six_bits(p + 4, sub);
      const uint8_t* codes = p + 16 + 32 * (sub / 2);
      const int shift = 4 * (sub % 2);
      emit(32, d * static_cast<float>(six.scale), minimum * static_cast<float>(six.minimum), out,
           [&](int i) HWY_ATTR { return field(codes + i, shift, 15); });
    }
  }
}

void DecodeQ5K(const uint8_t* p, int64_t count, float* out) {
  for (; count > 0; --count, p += 176) {
    const float d = load_half(p), minimum = load_half(p + 2);
    for (int sub = 0; sub < 8; ++sub, out += 32) {
      const ScaleAndMinimum six = unpack_six_bits(p + 4, sub);
      const uint8_t *high = p + 16, *codes = p + 48 + 32 * (sub / 2);
      const int shift = 4 * (sub % 2);
      emit(32, d * static_cast<float>(six.scale), minimum * static_cast<float>(six.minimum), out,
           [&](int i) HWY_ATTR {
             return hn::Or(field(codes + i, shift, 15), hn::ShiftLeft<4>(field(high + i, sub, 1)));
           });
    }
  }
}

// Four quarters of 32 share the bytes of half a super-block: nibbles of two runs, bit pairs of a third.
void DecodeQ6K(const uint8_t* p, int64_t count, float* out) {
  const D16 df;
  const I16 di;
  const int lanes = static_cast<int>(hn::Lanes(df));
  const I fifteen = hn::Set(di, 15), upper_pair = hn::Set(di, 48), middle = hn::Set(di, 32);
  for (; count > 0; --count, p += 210) {
    const float d = load_half(p + 208);
    for (int half = 0; half < 2; ++half, out += 128) {
      const uint8_t *low = p + 64 * half, *high = p + 128 + 32 * half;
      const auto* scales = reinterpret_cast<const int8_t*>(p + 192 + 8 * half);
      for (int i = 0; i < 32; i += lanes) {
        const auto put = [&](int quarter, I code) HWY_ATTR {
          const F scale = hn::Set(df, d * static_cast<float>(scales[2 * quarter + i / 16]));
          hn::StoreU(hn::Mul(hn::ConvertTo(df, hn::Sub(code, middle)), scale), df, out + 32 * quarter + i);
        };
        const I first = load_bytes(low + i), second = load_bytes(low + 32 + i), pairs = load_bytes(high + i);
        put(0, hn::Or(hn::And(first, fifteen), hn::And(hn::ShiftLeft<4>(pairs), upper_pair)));
        put(1, hn::Or(hn::And(second, fifteen), hn::And(hn::ShiftLeft<2>(pairs), upper_pair)));
        put(2, hn::Or(hn::ShiftRight<4>(first), hn::And(pairs, upper_pair)));
        put(3, hn::Or(hn::ShiftRight<4>(second), hn::And(hn::ShiftRight<2>(pairs), upper_pair)));
      }
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace peft
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "cpu/decode.h"

namespace peft {

HWY_EXPORT(DecodeQ2K);
HWY_EXPORT(DecodeQ3K);
HWY_EXPORT(DecodeQ4K);
HWY_EXPORT(DecodeQ5K);
HWY_EXPORT(DecodeQ6K);

void decode_blocks_of_256(DType dtype, const uint8_t* blocks, int64_t count, float* out) {
  switch (dtype) {
    case DType::q2_k:
      return HWY_DYNAMIC_DISPATCH(DecodeQ2K)(blocks, count, out);
    case DType::q3_k:
      return HWY_DYNAMIC_DISPATCH(DecodeQ3K)(blocks, count, out);
    case DType::q4_k:
      return HWY_DYNAMIC_DISPATCH(DecodeQ4K)(blocks, count, out);
    case DType::q5_k:
      return HWY_DYNAMIC_DISPATCH(DecodeQ5K)(blocks, count, out);
    case DType::q6_k:
      return HWY_DYNAMIC_DISPATCH(DecodeQ6K)(blocks, count, out);
    default:
      fail(Code::internal, "{} has no blocks of 256", name_of(dtype));
  }
}

}  // namespace peft
#endif
