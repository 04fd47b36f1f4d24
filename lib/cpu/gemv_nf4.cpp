// Few-row products over nf4 weights whose rows are whole blocks of 64. Activations are split into even and
// odd elements once, so that the high and the low nibbles of 16 bytes meet theirs without a shuffle.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/gemv_nf4.cpp"
#include "hwy/cache_control.h"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"

#include <cstdint>

#include "cpu/gemv.h"
#include "tensor/nf4.h"

HWY_BEFORE_NAMESPACE();
namespace peft {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using D16 = hn::CappedTag<float, 16>;
using I16 = hn::Rebind<int32_t, D16>;
using B16 = hn::Rebind<uint8_t, D16>;
using F = hn::Vec<D16>;
using I = hn::Vec<I16>;

// The 16 values, held in as many registers as they need.
class Table {
 public:
#if HWY_TARGET == HWY_SCALAR
  HWY_INLINE F look_up(I index) const {
    return hn::Set(D16(), nf4_values[static_cast<size_t>(hn::GetLane(index))]);
  }
#else
  Table()
      : low_(hn::LoadU(D16(), nf4_values.data())),
        high_(hn::LoadU(D16(), nf4_values.data() + 16 - hn::MaxLanes(D16()))) {}
  HWY_INLINE F look_up(I index) const {
    const D16 d;
    const I16 di;
    if constexpr (hn::MaxLanes(D16()) == 16) {
      return hn::TableLookupLanes(low_, hn::IndicesFromVec(d, index));
    } else {
      const auto inside = hn::IndicesFromVec(d, hn::And(index, hn::Set(di, 7)));
      const auto upper = hn::RebindMask(d, hn::Gt(index, hn::Set(di, 7)));
      return hn::IfThenElse(upper, hn::TableLookupLanes(high_, inside), hn::TableLookupLanes(low_, inside));
    }
  }

 private:
  F low_, high_;
#endif
};

// sums[r] = x . row r for `rows` rows of `blocks` blocks each; maxima [rows, blocks].
void DotNf4Rows(const uint8_t* codes, const float* maxima, const float* even, const float* odd,
                int64_t blocks, int64_t rows, float* sums) {
  const D16 d;
  const I16 di;
  const B16 db;
  constexpr int lanes = static_cast<int>(hn::MaxLanes(D16()));
  const Table table;
  for (int64_t r = 0; r < rows; ++r) {
    F total0 = hn::Zero(d), total1 = total0;
    const float *x0 = even, *x1 = odd;
    for (int64_t b = 0; b < blocks; ++b, codes += 32, x0 += 32, x1 += 32) {
      hwy::Prefetch(codes + bytes_ahead);
      F high = hn::Zero(d), low = high;
      for (int i = 0; i < 32; i += lanes) {
        const I byte = hn::PromoteTo(di, hn::LoadU(db, codes + i));
        high = hn::MulAdd(table.look_up(hn::ShiftRight<4>(byte)), hn::LoadU(d, x0 + i), high);
        low = hn::MulAdd(table.look_up(hn::And(byte, hn::Set(di, 15))), hn::LoadU(d, x1 + i), low);
      }
      const F maximum = hn::Set(d, *maxima++);
      total0 = hn::MulAdd(high, maximum, total0);
      total1 = hn::MulAdd(low, maximum, total1);
    }
    sums[r] = hn::GetLane(hn::SumOfLanes(d, hn::Add(total0, total1)));
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace peft
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <algorithm>

#include "cpu/decode.h"

namespace peft {

HWY_EXPORT(DotNf4Rows);

bool has_nf4_rows(const ConstView& b) { return is_nf4(b.dtype) && b.columns() % nf4_block == 0; }

void split_even_odd(const float* x, int64_t k, float* out) {
  for (int64_t i = 0; i < k / 2; ++i) {
    out[i] = x[2 * i];
    out[k / 2 + i] = x[2 * i + 1];
  }
}

void dot_rows_nf4(const RowsTask& task, int64_t begin, int64_t end) {
  constexpr int64_t most_rows = 4, most_blocks = 2048;
  const int64_t blocks = task.k / nf4_block;
  if (blocks > most_blocks / most_rows) return dot_rows_decoded(task, begin, end);
  const RowDecoder decoder(task.b);
  const auto* codes = reinterpret_cast<const uint8_t*>(task.b.data);
  float maxima[most_blocks], sums[most_rows];
  for (int64_t j = begin; j < end; j += most_rows) {
    const int64_t rows = std::min(most_rows, end - j);
    const int64_t first = (task.b.first_row + j) * blocks;
    decoder.nf4_maxima(first, rows * blocks, maxima);
    for (int64_t m = 0; m < task.m; ++m) {
      const float* x = task.split + m * task.k;
      HWY_DYNAMIC_DISPATCH(DotNf4Rows)
      (codes + first * (nf4_block / 2), maxima, x, x + task.k / 2, blocks, rows, sums);
      for (int64_t r = 0; r < rows; ++r) task.put(m, j + r, sums[r]);
    }
  }
}

}  // namespace peft
#endif
