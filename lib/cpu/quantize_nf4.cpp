// NF4 as bitsandbytes' CPU code has it (0.50), bit for bit. Only where torch itself sums with several threads
// (2 M weights and more) its offset, and what follows from it, depends on their number; then ours is the
// one-threaded one.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/quantize_nf4.cpp"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"

#include <cstdint>

HWY_BEFORE_NAMESPACE();
namespace peft {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

float LargestMagnitude(const float* x, int64_t count) {
  const hn::ScalableTag<float> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  auto largest = hn::Zero(d);
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) largest = hn::Max(largest, hn::Abs(hn::LoadU(d, x + i)));
  float result = hn::GetLane(hn::MaxOfLanes(d, largest));
  for (; i < count; ++i) {
    const float magnitude = x[i] < 0 ? -x[i] : x[i];
    if (magnitude > result) result = magnitude;
  }
  return result;
}

// codes[i] = how many of the 15 bounds lie strictly below x[i] * factor (or x[i] / divisor when factor is 0).
void CountBounds(const float* x, float factor, float divisor, const float* bounds, int32_t* codes,
                 int64_t count) {
  const hn::ScalableTag<float> d;
  const hn::Rebind<int32_t, decltype(d)> di;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto scale = hn::Set(d, factor);
  const auto one = hn::Set(di, 1);
  int64_t i = 0;
  for (; factor != 0 && i + lanes <= count; i += lanes) {
    const auto value = hn::Mul(hn::LoadU(d, x + i), scale);
    auto code = hn::Zero(di);
    for (int b = 0; b < 15; ++b) {
      code = hn::Add(code, hn::IfThenElseZero(hn::RebindMask(di, hn::Gt(value, hn::Set(d, bounds[b]))), one));
    }
    hn::StoreU(code, di, codes + i);
  }
  for (; i < count; ++i) {
    const float value = factor != 0 ? x[i] * factor : x[i] / divisor;
    int32_t code = 0;
    for (int b = 0; b < 15; ++b) code += value > bounds[b] ? 1 : 0;
    codes[i] = code;
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace peft
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <algorithm>
#include <cmath>
#include <vector>

#include "base/threads.h"
#include "cpu/convert.h"
#include "cpu/cpu_backend.h"
#include "cpu/ordered_mean.h"
#include "tensor/nf4.h"

namespace peft {

HWY_EXPORT(LargestMagnitude);
HWY_EXPORT(CountBounds);

namespace {

constexpr float least_maximum = 1e-38f;  // keeps the reciprocal of a zero block finite

std::array<float, 15> make_bounds() {
  std::array<float, 15> bounds{};
  for (size_t i = 0; i < bounds.size(); ++i) bounds[i] = (nf4_values[i] + nf4_values[i + 1]) / 2.0f;
  return bounds;
}

// One block of `count` values at element `begin`: codes into `codes`, its maximum returned. A short last
// block is divided by its maximum, not multiplied by the reciprocal; a zero one keeps the least maximum.
float encode_block(const float* x, int64_t begin, int64_t count, const float* bounds, uint8_t* codes) {
  float maximum = HWY_DYNAMIC_DISPATCH(LargestMagnitude)(x, count);
  alignas(64) int32_t numbers[nf4_block];
  if (count == nf4_block) {
    HWY_DYNAMIC_DISPATCH(CountBounds)
    (x, 1.0f / std::max(maximum, least_maximum), 1.0f, bounds, numbers, count);
  } else {
    maximum = std::max(maximum, least_maximum);
    HWY_DYNAMIC_DISPATCH(CountBounds)(x, 0.0f, maximum, bounds, numbers, count);
  }
  if (count % 2 != 0) numbers[count] = 7;  // an odd tensor is padded with a zero
  for (int64_t i = 0; i < count; i += 2) {
    codes[(begin + i) / 2] = static_cast<uint8_t>(numbers[i] << 4 | numbers[i + 1]);
  }
  return maximum;
}

// bitsandbytes looks nested codes up in a table over 65536 even steps of [-1, 1]: the value is rounded to a
// step, and the step's code is the number of midpoints of the map strictly below it.
class NestedEncoder {
 public:
  NestedEncoder() {
    const auto& map = dynamic_map();
    for (size_t i = 0; i < midpoints_.size(); ++i) midpoints_[i] = 0.5f * (map[i] + map[i + 1]);
  }
  uint8_t encode(float value) const {
    value = std::clamp(value, -1.0f, 1.0f);
    const auto step = static_cast<uint16_t>(std::fma((value + 1.0f) * 0.5f, 65535.0f, 0.5f));
    const float rounded = -1.0f + 2.0f * static_cast<float>(step) / 65535.0f;
    return static_cast<uint8_t>(std::lower_bound(midpoints_.begin(), midpoints_.end(), rounded) -
                                midpoints_.begin());
  }

 private:
  std::array<float, 255> midpoints_{};
};

void encode_maxima(const std::vector<float>& maxima, const Nf4Layout& layout, std::byte* data) {
  const NestedEncoder encoder;
  auto* codes = reinterpret_cast<uint8_t*>(data + layout.maxima_offset);
  auto* nested = reinterpret_cast<float*>(data + layout.nested_offset);
  const float offset = ordered_mean(maxima);
  *reinterpret_cast<float*>(data + layout.offset_offset) = offset;
  for (int64_t n = 0; n < layout.nested_blocks; ++n) {
    const int64_t begin = n * nf4_nested_block, end = std::min(begin + nf4_nested_block, layout.blocks);
    float largest = 0;
    for (int64_t i = begin; i < end; ++i)
      largest = std::max(largest, std::fabs(maxima[static_cast<size_t>(i)] - offset));
    nested[n] = largest;
    const float factor = 1.0f / largest;
    for (int64_t i = begin; i < end; ++i) {
      codes[i] =
          largest == 0 ? uint8_t{0} : encoder.encode((maxima[static_cast<size_t>(i)] - offset) * factor);
    }
  }
}

}  // namespace

void CpuBackend::quantize_nf4(ConstView x, View y) {
  PEFT_ASSERT(is_nf4(y.dtype) && x.dense() && (x.dtype == DType::f32 || x.dtype == DType::bf16));
  const Nf4Layout layout = Nf4Layout::of(y.dtype, x.elements());
  if (layout.elements == 0) return;
  const std::array<float, 15> bounds = make_bounds();
  auto* codes = reinterpret_cast<uint8_t*>(y.data);
  // Maxima are quantized as a whole, so the nested form needs them all first: 1/64 of the elements.
  std::vector<float> all_maxima(y.dtype == DType::nf4_double ? static_cast<size_t>(layout.blocks) : 0);
  float* maxima = y.dtype == DType::nf4_double ? all_maxima.data()
                                               : reinterpret_cast<float*>(y.data + layout.maxima_offset);
  parallel_for(layout.blocks, 256, threads(), [&](int64_t first, int64_t last) {
    float converted[nf4_block];
    for (int64_t block = first; block < last; ++block) {
      const int64_t begin = block * nf4_block, count = std::min(nf4_block, layout.elements - begin);
      const float* values = converted;
      if (x.dtype == DType::f32) {
        values = x.row<float>() + begin;
      } else {
        convert_bfloat16_to_float(x.row<uint16_t>() + begin, converted, count);
      }
      maxima[block] = encode_block(values, begin, count, bounds.data(), codes);
    }
  });
  if (y.dtype == DType::nf4_double) encode_maxima(all_maxima, layout, y.data);
}

}  // namespace peft
#endif
