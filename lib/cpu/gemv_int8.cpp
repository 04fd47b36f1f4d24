// Few-row products with activations rounded to int8 in blocks of 32 (Arithmetic::int8): integer products
// within a block, one f32 scale a block. q4_0, q4_1, q5_0, q5_1 and q8_0; other types are multiplied exactly.
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/gemv_int8.cpp"
#include "hwy/cache_control.h"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"

#include "cpu/gemv.h"
#include "cpu/half-inl.h"

HWY_BEFORE_NAMESPACE();
namespace peft {
namespace HWY_NAMESPACE {

// Offsets in a block: scale at 0; minimum (f16), fifth bits (4 bytes), codes where the format has them.
template <int size, int minimum, int fifth, int codes, int centre>
struct Unsigned {
  static constexpr int bytes = size, minimum_at = minimum, fifth_at = fifth, codes_at = codes,
                       middle = centre;
};
using Q40 = Unsigned<18, -1, -1, 2, 8>;
using Q41 = Unsigned<20, 2, -1, 4, 0>;
using Q50 = Unsigned<22, -1, 2, 6, 16>;
using Q51 = Unsigned<24, 2, 4, 8, 0>;
struct Q80 {
  static constexpr int bytes = 34;
};

#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3

// The 32 codes of a block as unsigned bytes in order.
template <class Format>
HWY_INLINE __m256i unpack_codes(const uint8_t* block) {
  const __m128i packed = _mm_loadu_si128(reinterpret_cast<const __m128i*>(block + Format::codes_at));
  const __m256i both = _mm256_inserti128_si256(_mm256_castsi128_si256(packed), _mm_srli_epi16(packed, 4), 1);
  const __m256i nibbles = _mm256_and_si256(both, _mm256_set1_epi8(15));
  if constexpr (Format::fifth_at < 0) return nibbles;
  int bits;
  std::memcpy(&bits, block + Format::fifth_at, 4);
  // Every byte gets the byte that holds its bit, then keeps that bit alone.
  const __m256i spread =
      _mm256_shuffle_epi8(_mm256_set1_epi32(bits),
                          _mm256_setr_epi64x(0, 0x0101010101010101, 0x0202020202020202, 0x0303030303030303));
  const __m256i one_each = _mm256_set1_epi64x(static_cast<int64_t>(0x8040201008040201));
  const __m256i set = _mm256_cmpeq_epi8(_mm256_and_si256(spread, one_each), one_each);
  return _mm256_or_si256(nibbles, _mm256_and_si256(set, _mm256_set1_epi8(16)));
}

// Eight partial sums. Codes reach 31 and activations 127: a pair's 16-bit sum is at most 7874.
HWY_INLINE __m256i dot_unsigned(__m256i codes, __m256i x) {
  return _mm256_madd_epi16(_mm256_maddubs_epi16(codes, x), _mm256_set1_epi16(1));
}

// Signed codes: their magnitudes (at most 128) times activations with their signs; a pair reaches 32512.
HWY_INLINE __m256i dot_signed(__m256i codes, __m256i x) {
  return dot_unsigned(_mm256_sign_epi8(codes, codes), _mm256_sign_epi8(x, codes));
}

// One row's running sums; lane 1 of `minima` sums what multiplies the activations' sums.
struct RowSum {
  __m256 total;
  __m128 minima;

  HWY_INLINE RowSum() : total(_mm256_setzero_ps()), minima(_mm_setzero_ps()) {}
};

// `pair`: the activations' scale in lane 0, their sum in lane 1.
template <class Format>
HWY_INLINE void add_block(const uint8_t* block, __m256i x, __m128 pair, RowSum& row) {
  hwy::Prefetch(block + bytes_ahead);
  __m256i products;
  __m128 factors;  // scale and minimum, or the scale twice
  if constexpr (std::is_same_v<Format, Q80>) {
    products = dot_signed(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(block + 2)), x);
    factors = _mm_mul_ss(_mm_cvtph_ps(_mm_cvtsi32_si128(load_u16(block))), pair);
  } else {
    products = dot_unsigned(unpack_codes<Format>(block), x);
    if constexpr (Format::minimum_at < 0) {
      factors = _mm_cvtph_ps(_mm_set1_epi16(static_cast<short>(load_u16(block))));
    } else {
      int both;
      std::memcpy(&both, block, 4);
      factors = _mm_cvtph_ps(_mm_cvtsi32_si128(both));
    }
    factors = _mm_mul_ps(factors, pair);
    row.minima = _mm_add_ps(row.minima, factors);
  }
  row.total = _mm256_fmadd_ps(_mm256_cvtepi32_ps(products), _mm256_broadcastss_ps(factors), row.total);
}

template <class Format>
HWY_INLINE float finish(const RowSum& row) {
  const __m128 half = _mm_add_ps(_mm256_castps256_ps128(row.total), _mm256_extractf128_ps(row.total, 1));
  const __m128 quarter = _mm_add_ps(half, _mm_movehl_ps(half, half));
  const float total = _mm_cvtss_f32(_mm_add_ss(quarter, _mm_movehdup_ps(quarter)));
  if constexpr (std::is_same_v<Format, Q80>) {
    return total;
  } else {
    const float minima = _mm_cvtss_f32(_mm_movehdup_ps(row.minima));
    return Format::minimum_at < 0 ? total - static_cast<float>(Format::middle) * minima : total + minima;
  }
}

// One row of weights times one of activations.
template <class Format>
HWY_INLINE float dot_blocks(const uint8_t* w, const Int8Row& x, int64_t blocks) {
  RowSum sum;
  for (int64_t b = 0; b < blocks; ++b, w += Format::bytes) {
    const __m256i codes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x.codes + 32 * b));
    const __m128 pair = _mm_castpd_ps(_mm_load_sd(reinterpret_cast<const double*>(x.scales + 2 * b)));
    add_block<Format>(w, codes, pair, sum);
  }
  return finish<Format>(sum);
}

#else

template <class Format>
HWY_INLINE float dot_blocks(const uint8_t* w, const Int8Row& x, int64_t blocks) {
  float total = 0, minima = 0;
  for (int64_t b = 0; b < blocks; ++b, w += Format::bytes) {
    const int8_t* activations = x.codes + 32 * b;
    int32_t sum = 0;
    if constexpr (std::is_same_v<Format, Q80>) {
      for (int i = 0; i < 32; ++i) sum += static_cast<int8_t>(w[2 + i]) * activations[i];
    } else {
      uint32_t fifth = 0;
      if constexpr (Format::fifth_at >= 0) std::memcpy(&fifth, w + Format::fifth_at, 4);
      for (int i = 0; i < 16; ++i) {
        const int low = (w[Format::codes_at + i] & 15) | static_cast<int>((fifth >> i) & 1) << 4;
        const int high = (w[Format::codes_at + i] >> 4) | static_cast<int>((fifth >> (i + 16)) & 1) << 4;
        sum += low * activations[i] + high * activations[16 + i];
      }
      const float scale = load_half(w);
      const float minimum =
          Format::minimum_at < 0 ? -static_cast<float>(Format::middle) * scale : load_half(w + 2);
      minima += minimum * x.scales[2 * b + 1];
    }
    total += static_cast<float>(sum) * (load_half(w) * x.scales[2 * b]);
  }
  return total + minima;
}

#endif

template <class Format>
HWY_INLINE void dot_rows_of(const RowsTask& task, int64_t begin, int64_t end) {
  const int64_t blocks = task.k / 32, row_bytes = blocks * Format::bytes;
  const auto* weights = reinterpret_cast<const uint8_t*>(task.b.data);
  for (int64_t j = begin; j < end; ++j) {
    for (int64_t m = 0; m < task.m; ++m) {
      task.put(m, j, dot_blocks<Format>(weights + j * row_bytes, task.int8_row(m), blocks));
    }
  }
}

void Int8RowsQ40(const RowsTask& task, int64_t begin, int64_t end) { dot_rows_of<Q40>(task, begin, end); }
void Int8RowsQ41(const RowsTask& task, int64_t begin, int64_t end) { dot_rows_of<Q41>(task, begin, end); }
void Int8RowsQ50(const RowsTask& task, int64_t begin, int64_t end) { dot_rows_of<Q50>(task, begin, end); }
void Int8RowsQ51(const RowsTask& task, int64_t begin, int64_t end) { dot_rows_of<Q51>(task, begin, end); }
void Int8RowsQ80(const RowsTask& task, int64_t begin, int64_t end) { dot_rows_of<Q80>(task, begin, end); }

// codes = round(x / scale), scale = max |x| / 127 of each block; scales: scale and scale * sum of codes.
void RoundToInt8(const float* x, int64_t blocks, int8_t* codes, float* scales) {
  const hn::CappedTag<float, 16> d;
  const hn::Rebind<int32_t, decltype(d)> di;
  const hn::Rebind<int8_t, decltype(d)> d8;
  const int lanes = static_cast<int>(hn::Lanes(d));
  for (int64_t b = 0; b < blocks; ++b, x += 32, codes += 32) {
    auto largest = hn::Zero(d);
    for (int i = 0; i < 32; i += lanes) largest = hn::Max(largest, hn::Abs(hn::LoadU(d, x + i)));
    const float maximum = hn::GetLane(hn::MaxOfLanes(d, largest));
    const float scale = maximum / 127.0f;
    const auto factor = hn::Set(d, maximum > 0 ? 127.0f / maximum : 0.0f);
    auto sum = hn::Zero(di);
    for (int i = 0; i < 32; i += lanes) {
      const auto code = hn::NearestInt(hn::Mul(hn::LoadU(d, x + i), factor));
      sum = hn::Add(sum, code);
      hn::StoreU(hn::DemoteTo(d8, code), d8, codes + i);
    }
    scales[2 * b] = scale;
    scales[2 * b + 1] = scale * static_cast<float>(hn::GetLane(hn::SumOfLanes(di, sum)));
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace peft
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace peft {

HWY_EXPORT(Int8RowsQ40);
HWY_EXPORT(Int8RowsQ41);
HWY_EXPORT(Int8RowsQ50);
HWY_EXPORT(Int8RowsQ51);
HWY_EXPORT(Int8RowsQ80);
HWY_EXPORT(RoundToInt8);

bool has_int8_rows(DType dtype) {
  return dtype == DType::q4_0 || dtype == DType::q4_1 || dtype == DType::q5_0 || dtype == DType::q5_1 ||
         dtype == DType::q8_0;
}

void dot_rows_int8(const RowsTask& task, int64_t begin, int64_t end) {
  switch (task.b.dtype) {
    case DType::q4_0:
      return HWY_DYNAMIC_DISPATCH(Int8RowsQ40)(task, begin, end);
    case DType::q4_1:
      return HWY_DYNAMIC_DISPATCH(Int8RowsQ41)(task, begin, end);
    case DType::q5_0:
      return HWY_DYNAMIC_DISPATCH(Int8RowsQ50)(task, begin, end);
    case DType::q5_1:
      return HWY_DYNAMIC_DISPATCH(Int8RowsQ51)(task, begin, end);
    case DType::q8_0:
      return HWY_DYNAMIC_DISPATCH(Int8RowsQ80)(task, begin, end);
    default:
      fail(Code::internal, "no int8 row kernel for {}", name_of(task.b.dtype));
  }
}

void round_to_int8(const float* x, int64_t blocks, int8_t* codes, float* scales) {
  HWY_DYNAMIC_DISPATCH(RoundToInt8)(x, blocks, codes, scales);
}

}  // namespace peft
#endif
