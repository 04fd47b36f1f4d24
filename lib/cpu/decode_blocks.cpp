// GGUF's blocks of 32 (q4_0, q4_1, q5_0, q5_1, q8_0) and the 4-bit codes of nf4.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/decode_blocks.cpp"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"

#include "cpu/half-inl.h"
#include "tensor/nf4.h"

HWY_BEFORE_NAMESPACE();
namespace peft {
namespace HWY_NAMESPACE {

using D16 = hn::CappedTag<float, 16>;  // divides the 16 bytes that hold 32 nibbles
using I16 = hn::Rebind<int32_t, D16>;
using B16 = hn::Rebind<uint8_t, D16>;

// 32 values q * d + m, or (q - centre) * d when there is no m; q has a fifth bit when `high` is given.
template <bool has_minimum>
HWY_INLINE void decode_nibbles(const uint8_t* codes, const uint8_t* high, float d, float m, int centre,
                               float* out) {
  const D16 df;
  const I16 di;
  const B16 db;
  const hn::RebindToUnsigned<I16> du;
  const auto scale = hn::Set(df, d), minimum = hn::Set(df, m);
  const auto mask = hn::Set(di, 15), middle = hn::Set(di, centre);
  uint32_t bits = 0;
  if (high != nullptr) std::memcpy(&bits, high, 4);
  const int lanes = static_cast<int>(hn::Lanes(df));
  for (int i = 0; i < 16; i += lanes) {
    const auto byte = hn::PromoteTo(di, hn::LoadU(db, codes + i));
    auto low = hn::And(byte, mask), up = hn::ShiftRight<4>(byte);
    if (high != nullptr) {
      const auto shifted = hn::Shr(hn::Set(du, bits), hn::Iota(du, static_cast<uint32_t>(i)));
      const auto one = hn::Set(du, 1);
      low = hn::Or(low, hn::BitCast(di, hn::ShiftLeft<4>(hn::And(shifted, one))));
      up = hn::Or(up, hn::BitCast(di, hn::ShiftLeft<4>(hn::And(hn::ShiftRight<16>(shifted), one))));
    }
    if constexpr (has_minimum) {
      hn::StoreU(hn::Add(hn::Mul(hn::ConvertTo(df, low), scale), minimum), df, out + i);
      hn::StoreU(hn::Add(hn::Mul(hn::ConvertTo(df, up), scale), minimum), df, out + 16 + i);
    } else {
      hn::StoreU(hn::Mul(hn::ConvertTo(df, hn::Sub(low, middle)), scale), df, out + i);
      hn::StoreU(hn::Mul(hn::ConvertTo(df, hn::Sub(up, middle)), scale), df, out + 16 + i);
    }
  }
}

void DecodeQ40(const uint8_t* p, int64_t count, float* out) {
  for (; count > 0; --count, p += 18, out += 32)
    decode_nibbles<false>(p + 2, nullptr, load_half(p), 0, 8, out);
}
void DecodeQ41(const uint8_t* p, int64_t count, float* out) {
  for (; count > 0; --count, p += 20, out += 32) {
    decode_nibbles<true>(p + 4, nullptr, load_half(p), load_half(p + 2), 0, out);
  }
}
void DecodeQ50(const uint8_t* p, int64_t count, float* out) {
  for (; count > 0; --count, p += 22, out += 32)
    decode_nibbles<false>(p + 6, p + 2, load_half(p), 0, 16, out);
}
void DecodeQ51(const uint8_t* p, int64_t count, float* out) {
  for (; count > 0; --count, p += 24, out += 32) {
    decode_nibbles<true>(p + 8, p + 4, load_half(p), load_half(p + 2), 0, out);
  }
}
void DecodeQ80(const uint8_t* p, int64_t count, float* out) {
  const D16 df;
  const I16 di;
  const hn::Rebind<int8_t, D16> d8;
  const int lanes = static_cast<int>(hn::Lanes(df));
  for (; count > 0; --count, p += 34, out += 32) {
    const auto scale = hn::Set(df, load_half(p));
    const auto* codes = reinterpret_cast<const int8_t*>(p + 2);
    for (int i = 0; i < 32; i += lanes) {
      hn::StoreU(hn::Mul(hn::ConvertTo(df, hn::PromoteTo(di, hn::LoadU(d8, codes + i))), scale), df, out + i);
    }
  }
}

#if HWY_TARGET == HWY_SCALAR
HWY_INLINE void decode_nf4_32(const uint8_t* codes, float maximum, float* out) {
  for (int i = 0; i < 16; ++i) {
    out[2 * i] = nf4_values[codes[i] >> 4] * maximum;
    out[2 * i + 1] = nf4_values[codes[i] & 15] * maximum;
  }
}
#else
// The table of 16 values in one register or two.
HWY_INLINE hn::Vec<D16> lookup_nf4(hn::Vec<I16> index) {
  const D16 df;
  const I16 di;
  if constexpr (hn::MaxLanes(df) == 16) {
    return hn::TableLookupLanes(hn::LoadU(df, nf4_values.data()), hn::IndicesFromVec(df, index));
  } else {
    const auto low = hn::IndicesFromVec(df, hn::And(index, hn::Set(di, 7)));
    const auto upper = hn::RebindMask(df, hn::Gt(index, hn::Set(di, 7)));
    return hn::IfThenElse(upper, hn::TableLookupLanes(hn::LoadU(df, nf4_values.data() + 8), low),
                          hn::TableLookupLanes(hn::LoadU(df, nf4_values.data()), low));
  }
}

HWY_INLINE void decode_nf4_32(const uint8_t* codes, float maximum, float* out) {
  const D16 df;
  const I16 di;
  const B16 db;
  const hn::FixedTag<uint8_t, 16> d8;
  const auto scale = hn::Set(df, maximum);
  const auto bytes = hn::LoadU(d8, codes);
  const auto even = hn::And(
      hn::BitCast(d8, hn::ShiftRight<4>(hn::BitCast(hn::FixedTag<uint16_t, 8>(), bytes))), hn::Set(d8, 15));
  const auto odd = hn::And(bytes, hn::Set(d8, 15));
  HWY_ALIGN uint8_t order[32];
  hn::Store(hn::InterleaveLower(d8, even, odd), d8, order);
  hn::Store(hn::InterleaveUpper(d8, even, odd), d8, order + 16);
  const int lanes = static_cast<int>(hn::Lanes(df));
  for (int i = 0; i < 32; i += lanes) {
    const auto index = hn::PromoteTo(di, hn::LoadU(db, order + i));
    hn::StoreU(hn::Mul(lookup_nf4(index), scale), df, out + i);
  }
}
#endif

void DecodeNf4Codes(const uint8_t* codes, int64_t begin, int64_t count, const float* maxima, float* out) {
  const int64_t first = begin / nf4_block, end = begin + count;
  for (int64_t i = begin; i < end;) {
    const float maximum = maxima[i / nf4_block - first];
    const int64_t border = (i / nf4_block + 1) * nf4_block, stop = border < end ? border : end;
    for (; i + 32 <= stop; i += 32, out += 32) decode_nf4_32(codes + i / 2, maximum, out);
    for (; i < stop; ++i, ++out)
      *out = nf4_values[i % 2 == 0 ? codes[i / 2] >> 4 : codes[i / 2] & 15] * maximum;
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace peft
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "cpu/decode.h"

namespace peft {

HWY_EXPORT(DecodeQ40);
HWY_EXPORT(DecodeQ41);
HWY_EXPORT(DecodeQ50);
HWY_EXPORT(DecodeQ51);
HWY_EXPORT(DecodeQ80);
HWY_EXPORT(DecodeNf4Codes);

void decode_blocks_of_32(DType dtype, const uint8_t* blocks, int64_t count, float* out) {
  switch (dtype) {
    case DType::q4_0:
      return HWY_DYNAMIC_DISPATCH(DecodeQ40)(blocks, count, out);
    case DType::q4_1:
      return HWY_DYNAMIC_DISPATCH(DecodeQ41)(blocks, count, out);
    case DType::q5_0:
      return HWY_DYNAMIC_DISPATCH(DecodeQ50)(blocks, count, out);
    case DType::q5_1:
      return HWY_DYNAMIC_DISPATCH(DecodeQ51)(blocks, count, out);
    case DType::q8_0:
      return HWY_DYNAMIC_DISPATCH(DecodeQ80)(blocks, count, out);
    default:
      fail(Code::internal, "{} has no blocks of 32", name_of(dtype));
  }
}

void decode_nf4_codes(const uint8_t* codes, int64_t begin, int64_t count, const float* maxima, float* out) {
  HWY_DYNAMIC_DISPATCH(DecodeNf4Codes)(codes, begin, count, maxima, out);
}

}  // namespace peft
#endif
