// What attention computes with: products of small dense tiles, transposing copies, the softmax of a tile's
// rows.
//
// Tiles are contiguous f32 buffers whose rows are padded to whole vectors (tile_width), so no inner loop has
// a tail.
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "cpu/vector_math-inl.h"
#include "hwy/highway.h"

#if defined(PEFT_CPU_ATTENTION_TILE_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef PEFT_CPU_ATTENTION_TILE_INL_H
#undef PEFT_CPU_ATTENTION_TILE_INL_H
#else
#define PEFT_CPU_ATTENTION_TILE_INL_H
#endif

HWY_BEFORE_NAMESPACE();
namespace peft {
namespace HWY_NAMESPACE {

// What a row of a tile can differ from zero in: row m only in [m + lower, m + upper].
struct Band {
  int64_t lower = -(int64_t{1} << 40), upper = int64_t{1} << 40;
  HWY_INLINE int64_t begin(int64_t row) const { return row + lower > 0 ? row + lower : 0; }
  HWY_INLINE int64_t end(int64_t last_row, int64_t limit) const {
    const int64_t bound = last_row + upper + 1;
    return bound < limit ? (bound > 0 ? bound : 0) : limit;
  }
};

// c[m, n] (+)= sum_k a[m, k] b[k, n]: a by strides, so that a transposed a costs nothing; rows of b and c are
// contiguous.
struct TileProduct {
  const float* a = nullptr;
  int64_t a_row = 0, a_k = 0;
  const float* b = nullptr;
  int64_t b_row = 0;
  float* c = nullptr;
  int64_t c_row = 0;
  int64_t rows = 0, columns = 0, depth = 0;  // columns: rounded up to whole vectors
  Band depth_band;                           // a is zero outside
  Band column_band;                          // c is not wanted outside (and then partly left as it was)
  bool accumulate = false;
};

template <int row_count, int vector_count>
HWY_INLINE void product_block(const TileProduct& p, int64_t row, int64_t column, int64_t begin, int64_t end) {
  const FloatTag d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  Floats sum[row_count][vector_count];
#pragma GCC unroll 8
  for (int r = 0; r < row_count; ++r) {
#pragma GCC unroll 8
    for (int v = 0; v < vector_count; ++v) sum[r][v] = hn::Zero(d);
  }
  const float* a = p.a + row * p.a_row + begin * p.a_k;
  const float* b = p.b + begin * p.b_row + column;
  for (int64_t k = begin; k < end; ++k, a += p.a_k, b += p.b_row) {
    Floats right[vector_count];
#pragma GCC unroll 8
    for (int v = 0; v < vector_count; ++v) right[v] = hn::LoadU(d, b + v * lanes);
#pragma GCC unroll 8
    for (int r = 0; r < row_count; ++r) {
      const Floats left = hn::Set(d, a[r * p.a_row]);
#pragma GCC unroll 8
      for (int v = 0; v < vector_count; ++v) sum[r][v] = hn::MulAdd(left, right[v], sum[r][v]);
    }
  }
  float* c = p.c + row * p.c_row + column;
#pragma GCC unroll 8
  for (int r = 0; r < row_count; ++r) {
#pragma GCC unroll 8
    for (int v = 0; v < vector_count; ++v) {
      float* to = c + r * p.c_row + v * lanes;
      hn::StoreU(p.accumulate ? hn::Add(hn::LoadU(d, to), sum[r][v]) : sum[r][v], d, to);
    }
  }
}

// Sums of twelve (AVX2) or twenty-four (AVX-512) vectors fill the registers and hide the latency of the
// additions.
#if HWY_TARGET == HWY_SCALAR
constexpr int block_vectors = 1;
#elif HWY_MAX_BYTES >= 64
constexpr int block_vectors = 4;
#else
constexpr int block_vectors = 2;
#endif

template <int vector_count>
HWY_INLINE void product_panel(const TileProduct& p, int64_t column, int64_t row_begin, int64_t row_end) {
  const auto block = [&](auto rows_constant, int64_t row) HWY_ATTR {
    constexpr int count = decltype(rows_constant)::value;
    const int64_t begin = p.depth_band.begin(row), end = p.depth_band.end(row + count - 1, p.depth);
    product_block<count, vector_count>(p, row, column, begin, end);
  };
  int64_t row = row_begin;
  for (; row + 6 <= row_end; row += 6) block(std::integral_constant<int, 6>(), row);
  if (row + 4 <= row_end) {
    block(std::integral_constant<int, 4>(), row);
    row += 4;
  }
  if (row + 2 <= row_end) {
    block(std::integral_constant<int, 2>(), row);
    row += 2;
  }
  if (row < row_end) block(std::integral_constant<int, 1>(), row);
}

HWY_INLINE void multiply_tiles(const TileProduct& p) {
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(FloatTag()));
  // Rows whose band reaches columns [first, last]: m + lower <= last and m + upper >= first.
  const auto rows_of = [&](int64_t first, int64_t last, int64_t* begin, int64_t* end) HWY_ATTR {
    const int64_t low = first - p.column_band.upper, high = last - p.column_band.lower + 1;
    *begin = low > 0 ? low : 0;
    *end = high < p.rows ? high : p.rows;
  };
  int64_t column = 0, begin = 0, end = 0;
  for (; column + block_vectors * lanes <= p.columns; column += block_vectors * lanes) {
    rows_of(column, column + block_vectors * lanes - 1, &begin, &end);
    product_panel<block_vectors>(p, column, begin, end);
  }
  for (; column < p.columns; column += lanes) {
    rows_of(column, column + lanes - 1, &begin, &end);
    product_panel<1>(p, column, begin, end);
  }
}

// to[d * stride + j] = row_of(j)[d] for j < count; columns [count, stride) become zero.
template <class RowOf>
HWY_INLINE void pack_transposed(const RowOf& row_of, int64_t count, int64_t width, float* to,
                                int64_t stride) {
  int64_t j = 0;
#if HWY_TARGET != HWY_SCALAR
  const hn::FixedTag<float, 4> d4;
  const hn::RepartitionToWide<decltype(d4)> d2;
  for (; j + 4 <= count; j += 4) {
    const float *r0 = row_of(j), *r1 = row_of(j + 1), *r2 = row_of(j + 2), *r3 = row_of(j + 3);
    int64_t c = 0;
    for (; c + 4 <= width; c += 4) {
      const auto a = hn::LoadU(d4, r0 + c), b = hn::LoadU(d4, r1 + c), e = hn::LoadU(d4, r2 + c),
                 f = hn::LoadU(d4, r3 + c);
      const auto ab_low = hn::BitCast(d2, hn::InterleaveLower(d4, a, b)),
                 ab_high = hn::BitCast(d2, hn::InterleaveUpper(d4, a, b));
      const auto ef_low = hn::BitCast(d2, hn::InterleaveLower(d4, e, f)),
                 ef_high = hn::BitCast(d2, hn::InterleaveUpper(d4, e, f));
      float* at = to + c * stride + j;
      hn::StoreU(hn::BitCast(d4, hn::InterleaveLower(d2, ab_low, ef_low)), d4, at);
      hn::StoreU(hn::BitCast(d4, hn::InterleaveUpper(d2, ab_low, ef_low)), d4, at + stride);
      hn::StoreU(hn::BitCast(d4, hn::InterleaveLower(d2, ab_high, ef_high)), d4, at + 2 * stride);
      hn::StoreU(hn::BitCast(d4, hn::InterleaveUpper(d2, ab_high, ef_high)), d4, at + 3 * stride);
    }
    for (; c < width; ++c) {
      float* at = to + c * stride + j;
      at[0] = r0[c];
      at[1] = r1[c];
      at[2] = r2[c];
      at[3] = r3[c];
    }
  }
#endif
  for (; j < count; ++j) {
    const float* row = row_of(j);
    for (int64_t c = 0; c < width; ++c) to[c * stride + j] = row[c];
  }
  if (count < stride) {
    for (int64_t c = 0; c < width; ++c)
      std::memset(to + c * stride + count, 0, static_cast<size_t>(stride - count) * sizeof(float));
  }
}

// to[j * stride + d] = factor * row_of(j)[d]; columns [width, stride) become zero.
template <class RowOf>
HWY_INLINE void pack_rows(const RowOf& row_of, int64_t count, int64_t width, float factor, float* to,
                          int64_t stride) {
  const Floats scale = hn::Set(FloatTag(), factor);
  for (int64_t j = 0; j < count; ++j) {
    const float* from = row_of(j);
    float* row = to + j * stride;
    for_lanes(width, [&](int64_t i, auto access)
                         HWY_ATTR { access.store(hn::Mul(scale, access.load(from + i)), row + i); });
    for (int64_t i = width; i < stride; ++i) row[i] = 0;
  }
}

// Makes columns outside [low, high) of a row -infinity as far as whole vectors around the range reach, and
// gives that cover.
HWY_INLINE void mask_row(float* row, int64_t low, int64_t high, int64_t* cover_low, int64_t* cover_high) {
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(FloatTag()));
  *cover_low = low / lanes * lanes;
  *cover_high = (high + lanes - 1) / lanes * lanes;
  for (int64_t i = *cover_low; i < low; ++i) row[i] = -__builtin_huge_valf();
  for (int64_t i = high; i < *cover_high; ++i) row[i] = -__builtin_huge_valf();
}

HWY_INLINE void clear_outside(float* row, int64_t low, int64_t high, int64_t width) {
  if (low > 0) std::memset(row, 0, static_cast<size_t>(low) * sizeof(float));
  if (high < width) std::memset(row + high, 0, static_cast<size_t>(width - high) * sizeof(float));
}

// The running softmax of one query: sum of exp(score - maximum) over the keys seen so far.
struct RunningSoftmax {
  float maximum = -__builtin_huge_valf();
  double sum = 0;
};

// Turns the scores [low, high) of a row into exp(score - maximum), the rest of it into zeros, and returns the
// factor by which what was summed under the old maximum shrinks. low < high.
HWY_INLINE float absorb_row(float* row, int64_t low, int64_t high, int64_t width, RunningSoftmax& state) {
  const FloatTag d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t from = 0, to = 0;
  mask_row(row, low, high, &from, &to);
  Floats highest = hn::LoadU(d, row + from);
  for (int64_t i = from + lanes; i < to; i += lanes) highest = hn::Max(highest, hn::LoadU(d, row + i));
  const float block_maximum = max_lanes(highest);
  float factor = 1;
  if (block_maximum > state.maximum) {
    factor = hn::GetLane(exp_negative(hn::Set(d, state.maximum - block_maximum)));
    state.maximum = block_maximum;
  }
  const Floats offset = hn::Set(d, state.maximum);
  Floats sum = hn::Zero(d);
  for (int64_t i = from; i < to; i += lanes) {
    const Floats e = exp_negative(hn::Sub(hn::LoadU(d, row + i), offset));
    hn::StoreU(e, d, row + i);
    sum = hn::Add(sum, e);
  }
  clear_outside(row, from, to, width);
  state.sum = state.sum * static_cast<double>(factor) + static_cast<double>(sum_lanes(sum));
  return factor;
}

}  // namespace HWY_NAMESPACE
}  // namespace peft
HWY_AFTER_NAMESPACE();
#endif
