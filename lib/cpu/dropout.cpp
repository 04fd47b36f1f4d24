// dropout: Philox4x32-10 for several counters at once, fused with the product.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/dropout.cpp"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"

#include "base/random.h"
#include "cpu/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace peft {
namespace HWY_NAMESPACE {

#if HWY_TARGET == HWY_SCALAR

// Words of the counters (first + g, position, row, step), g < groups, four each.
constexpr int64_t groups_at_once = 1;
HWY_INLINE void random_words(uint32_t first, uint32_t position, uint32_t row, uint32_t step, uint64_t key,
                             uint32_t* words) {
  const auto generated = Philox::generate(key, row | uint64_t{step} << 32, first | uint64_t{position} << 32);
  for (int i = 0; i < 4; ++i) words[i] = generated[i];
}

#else

constexpr int64_t groups_at_once = 2 * HWY_MAX_BYTES / 8;

// One counter in each 64-bit lane; only the low halves of the words count, which is what MulEven reads.
template <class V>
struct Counters {
  V c0, c1, c2, c3;
};

template <class V>
HWY_INLINE void philox_round(Counters<V>& c, V k0, V k1) {
  const hn::ScalableTag<uint64_t> d;
  const hn::ScalableTag<uint32_t> dw;
  const V p0 = hn::MulEven(hn::BitCast(dw, c.c0), hn::BitCast(dw, hn::Set(d, Philox::multiplier0)));
  const V p1 = hn::MulEven(hn::BitCast(dw, c.c2), hn::BitCast(dw, hn::Set(d, Philox::multiplier1)));
  c.c0 = hn::Xor(hn::ShiftRight<32>(p1), hn::Xor(c.c1, k0));
  c.c2 = hn::Xor(hn::ShiftRight<32>(p0), hn::Xor(c.c3, k1));
  c.c1 = p1;
  c.c3 = p0;
}

template <class V>
HWY_INLINE void store_words(const Counters<V>& c, uint32_t* words) {
  const hn::ScalableTag<uint64_t> d;
  const V low = hn::Set(d, 0xFFFFFFFFull);
  const V first = hn::Or(hn::And(c.c0, low), hn::ShiftLeft<32>(c.c1));
  const V second = hn::Or(hn::And(c.c2, low), hn::ShiftLeft<32>(c.c3));
  hn::StoreInterleaved2(first, second, d, reinterpret_cast<uint64_t*>(words));
}

// Two vectors of counters: the multiplications of one hide behind those of the other.
HWY_INLINE void random_words(uint32_t first, uint32_t position, uint32_t row, uint32_t step, uint64_t key,
                             uint32_t* words) {
  const hn::ScalableTag<uint64_t> d;
  using V = hn::Vec<decltype(d)>;
  const uint64_t lanes = hn::Lanes(d);
  Counters<V> a, b;
  a.c0 = hn::Iota(d, first);
  b.c0 = hn::Iota(d, first + lanes);
  a.c1 = b.c1 = hn::Set(d, position);
  a.c2 = b.c2 = hn::Set(d, row);
  a.c3 = b.c3 = hn::Set(d, step);
  uint32_t k0 = static_cast<uint32_t>(key), k1 = static_cast<uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round) {
    const V key0 = hn::Set(d, k0), key1 = hn::Set(d, k1);
    philox_round(a, key0, key1);
    philox_round(b, key0, key1);
    k0 += Philox::weyl0;
    k1 += Philox::weyl1;
  }
  store_words(a, words);
  store_words(b, words + 4 * lanes);
}

#endif

// Row by row: y = (kept ? x * factor : 0). An element is kept when the top 24 of its bits reach `threshold`.
void DropoutRow(const float* x, uint32_t row, uint32_t position, uint32_t step, uint64_t key,
                int32_t threshold, float factor, bool accumulate, float* y, int64_t columns) {
  const FloatTag d;
  const IntTag di;
  const hn::RebindToUnsigned<FloatTag> du;
  HWY_ALIGN uint32_t words[4 * groups_at_once];
  const Floats scale = hn::Set(d, factor);
  const auto bound = hn::Set(di, threshold);
  for (int64_t begin = 0; begin < columns; begin += 4 * groups_at_once) {
    random_words(static_cast<uint32_t>(begin / 4), position, row, step, key, words);
    const int64_t count = columns - begin < 4 * groups_at_once ? columns - begin : 4 * groups_at_once;
    for_lanes(count, [&](int64_t i, auto access) HWY_ATTR {
      const auto bits = hn::BitCast(di, hn::ShiftRight<8>(hn::LoadU(du, words + i)));
      const auto dropped = hn::RebindMask(d, hn::Lt(bits, bound));
      const int64_t at = begin + i;
      const Floats value = hn::IfThenZeroElse(dropped, hn::Mul(access.load(x + at), scale));
      access.store(accumulate ? hn::Add(access.load(y + at), value) : value, y + at);
    });
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace peft
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <cmath>

#include "cpu/cpu_backend.h"
#include "cpu/spans.h"

namespace peft {
namespace {
HWY_EXPORT(DropoutRow);
}

void CpuBackend::dropout(const DropoutOptions& options, ConstView x, ConstView row_ids, bool accumulate,
                         View y) {
  // bits * 2^-24 >= probability, in integers
  const auto threshold = static_cast<int32_t>(std::ceil(static_cast<double>(options.probability) * 0x1.0p24));
  const float factor = options.probability < 1 ? 1.0f / (1.0f - options.probability) : 0.0f;
  const uint64_t key = options.seed ^ (options.module * 0x9E3779B9u);
  parallel_for(x.rows(), rows_per_slice(x.columns()), threads_, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const int32_t* id = row_ids.row<int32_t>(r);
      HWY_DYNAMIC_DISPATCH(DropoutRow)
      (x.row<float>(r), static_cast<uint32_t>(id[0]), static_cast<uint32_t>(id[1]), options.step, key,
       threshold, factor, accumulate, y.row<float>(r), x.columns());
    }
  });
}

}  // namespace peft
#endif  // HWY_ONCE
