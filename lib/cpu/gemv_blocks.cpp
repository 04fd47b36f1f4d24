// Few-row products over GGUF's blocks of 32 with f32 activations: codes are unpacked in registers, the scale
// is applied once a block, a minimum through the sum of the block's activations.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/gemv_blocks.cpp"
#include "hwy/cache_control.h"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"

#include "cpu/gemv.h"
#include "cpu/half-inl.h"

HWY_BEFORE_NAMESPACE();
namespace peft {
namespace HWY_NAMESPACE {

using D16 = hn::CappedTag<float, 16>;
using I16 = hn::Rebind<int32_t, D16>;
using B16 = hn::Rebind<uint8_t, D16>;
using F = hn::Vec<D16>;
using I = hn::Vec<I16>;

// The f16 at `address` in every lane.
HWY_INLINE F broadcast_half(const uint8_t* address) {
  const D16 d;
#if HWY_TARGET == HWY_SCALAR
  return hn::Set(d, half_to_float(load_u16(address)));
#else
  const hn::Rebind<uint16_t, D16> du;
  const hn::Rebind<hwy::float16_t, D16> dh;
  return hn::PromoteTo(d, hn::BitCast(dh, hn::Set(du, load_u16(address))));
#endif
}

// Each format gives the values of lanes [i, i + N) and [16 + i, 16 + i + N) of a block before scaling.
template <int centre, int offset, int size, bool minimum>
struct Nibbles {
  static constexpr int bytes = size;
  static constexpr bool has_minimum = minimum;
  static HWY_INLINE void unpack(const uint8_t* block, int i, F& low, F& high) {
    const D16 df;
    const I16 di;
    const I byte = hn::PromoteTo(di, hn::LoadU(B16(), block + offset + i));
    const I middle = hn::Set(di, centre);
    I first = hn::And(byte, hn::Set(di, 15)), second = hn::ShiftRight<4>(byte);
    if constexpr (centre != 0) {
      first = hn::Sub(first, middle);
      second = hn::Sub(second, middle);
    }
    low = hn::ConvertTo(df, first);
    high = hn::ConvertTo(df, second);
  }
};
using Q40 = Nibbles<8, 2, 18, false>;
using Q41 = Nibbles<0, 4, 20, true>;

struct Q80 {
  static constexpr int bytes = 34;
  static constexpr bool has_minimum = false;
  static HWY_INLINE void unpack(const uint8_t* block, int i, F& low, F& high) {
    const hn::Rebind<int8_t, D16> d8;
    const auto* codes = reinterpret_cast<const int8_t*>(block + 2);
    low = hn::ConvertTo(D16(), hn::PromoteTo(I16(), hn::LoadU(d8, codes + i)));
    high = hn::ConvertTo(D16(), hn::PromoteTo(I16(), hn::LoadU(d8, codes + 16 + i)));
  }
};

template <class Format>
HWY_INLINE F add_part(const uint8_t* block, const float* x, int i, F sum) {
  F low, high;
  Format::unpack(block, i, low, high);
  sum = hn::MulAdd(low, hn::LoadU(D16(), x + i), sum);
  return hn::MulAdd(high, hn::LoadU(D16(), x + 16 + i), sum);
}

// x times one row of weights; `block_sums` belongs to x.
template <class Format>
HWY_INLINE float dot_blocks(const uint8_t* w, const float* x, const float* block_sums, int64_t blocks) {
  const D16 d;
  constexpr int lanes = static_cast<int>(hn::MaxLanes(D16()));
  F total = hn::Zero(d);
  float minima = 0;
  for (int64_t b = 0; b < blocks; ++b, x += 32, w += Format::bytes) {
    hwy::Prefetch(w + bytes_ahead);
    F sum = add_part<Format>(w, x, 0, hn::Zero(d));
    if constexpr (lanes == 8) {
      sum = add_part<Format>(w, x, 8, sum);
    } else {
      for (int i = lanes; i < 16; i += lanes) sum = add_part<Format>(w, x, i, sum);
    }
    total = hn::MulAdd(sum, broadcast_half(w), total);
    if constexpr (Format::has_minimum) minima += load_half(w + 2) * block_sums[b];
  }
  return hn::GetLane(hn::SumOfLanes(d, total)) + minima;
}

template <class Format>
HWY_INLINE void dot_rows_of(const RowsTask& task, int64_t begin, int64_t end) {
  const int64_t blocks = task.k / 32, row_bytes = blocks * Format::bytes;
  const auto* weights = reinterpret_cast<const uint8_t*>(task.b.data);
  for (int64_t j = begin; j < end; ++j) {
    for (int64_t m = 0; m < task.m; ++m) {
      task.put(m, j,
               dot_blocks<Format>(weights + j * row_bytes, task.x + m * task.x_stride,
                                  task.block_sums + m * blocks, blocks));
    }
  }
}

void DotRowsQ40(const RowsTask& task, int64_t begin, int64_t end) { dot_rows_of<Q40>(task, begin, end); }
void DotRowsQ41(const RowsTask& task, int64_t begin, int64_t end) { dot_rows_of<Q41>(task, begin, end); }
void DotRowsQ80(const RowsTask& task, int64_t begin, int64_t end) { dot_rows_of<Q80>(task, begin, end); }

void SumBlocks(const float* x, int64_t blocks, float* sums) {
  const D16 d;
  const int lanes = static_cast<int>(hn::Lanes(d));
  for (int64_t b = 0; b < blocks; ++b, x += 32) {
    F sum = hn::Zero(d);
    for (int i = 0; i < 32; i += lanes) sum = hn::Add(sum, hn::LoadU(d, x + i));
    sums[b] = hn::GetLane(hn::SumOfLanes(d, sum));
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace peft
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace peft {

HWY_EXPORT(DotRowsQ40);
HWY_EXPORT(DotRowsQ41);
HWY_EXPORT(DotRowsQ80);
HWY_EXPORT(SumBlocks);

bool has_block_rows(DType dtype) {
  return dtype == DType::q4_0 || dtype == DType::q4_1 || dtype == DType::q8_0;
}

void dot_rows_blocks(const RowsTask& task, int64_t begin, int64_t end) {
  switch (task.b.dtype) {
    case DType::q4_0:
      return HWY_DYNAMIC_DISPATCH(DotRowsQ40)(task, begin, end);
    case DType::q4_1:
      return HWY_DYNAMIC_DISPATCH(DotRowsQ41)(task, begin, end);
    case DType::q8_0:
      return HWY_DYNAMIC_DISPATCH(DotRowsQ80)(task, begin, end);
    default:
      fail(Code::internal, "no row kernel for {}", name_of(task.b.dtype));
  }
}

void sum_blocks(const float* x, int64_t blocks, float* sums) {
  HWY_DYNAMIC_DISPATCH(SumBlocks)(x, blocks, sums);
}

}  // namespace peft
#endif
