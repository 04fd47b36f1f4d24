// copy: between f32, f16 and bf16, or bytes between equal plain types.
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/copy.cpp"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"

#include "cpu/half-inl.h"

HWY_BEFORE_NAMESPACE();
namespace peft {
namespace HWY_NAMESPACE {

void Bfloat16ToFloats(const uint16_t* x, float* y, int64_t count) { bfloat16_to_floats(x, y, count); }
void FloatsToBfloat16(const float* x, uint16_t* y, int64_t count) { floats_to_bfloat16(x, y, count); }
void RoundToBfloat16(const float* x, float* y, int64_t count) { round_floats_to_bfloat16(x, y, count); }
void HalvesToFloats(const uint16_t* x, float* y, int64_t count) { halves_to_floats(x, y, count); }
void FloatsToHalves(const float* x, uint16_t* y, int64_t count) { floats_to_halves(x, y, count); }

}  // namespace HWY_NAMESPACE
}  // namespace peft
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <algorithm>

#include "cpu/convert.h"
#include "cpu/cpu_backend.h"
#include "cpu/spans.h"

namespace peft {

HWY_EXPORT(Bfloat16ToFloats);
HWY_EXPORT(FloatsToBfloat16);
HWY_EXPORT(RoundToBfloat16);
HWY_EXPORT(HalvesToFloats);
HWY_EXPORT(FloatsToHalves);

void convert_bfloat16_to_float(const uint16_t* x, float* y, int64_t count) {
  HWY_DYNAMIC_DISPATCH(Bfloat16ToFloats)(x, y, count);
}
void convert_float_to_bfloat16(const float* x, uint16_t* y, int64_t count) {
  HWY_DYNAMIC_DISPATCH(FloatsToBfloat16)(x, y, count);
}
void round_float_to_bfloat16(const float* x, float* y, int64_t count) {
  HWY_DYNAMIC_DISPATCH(RoundToBfloat16)(x, y, count);
}
void convert_half_to_float(const uint16_t* x, float* y, int64_t count) {
  HWY_DYNAMIC_DISPATCH(HalvesToFloats)(x, y, count);
}
void convert_float_to_half(const float* x, uint16_t* y, int64_t count) {
  HWY_DYNAMIC_DISPATCH(FloatsToHalves)(x, y, count);
}

namespace {

// One stretch of `count` elements; `from` and `to` are f32, f16 or bf16 and differ.
void convert(DType from, const std::byte* x, DType to, std::byte* y, int64_t count) {
  const auto* halves = reinterpret_cast<const uint16_t*>(x);
  const auto* floats = reinterpret_cast<const float*>(x);
  if (from == DType::f32) {
    auto* out = reinterpret_cast<uint16_t*>(y);
    return to == DType::bf16 ? convert_float_to_bfloat16(floats, out, count)
                             : convert_float_to_half(floats, out, count);
  }
  if (to == DType::f32) {
    auto* out = reinterpret_cast<float*>(y);
    return from == DType::bf16 ? convert_bfloat16_to_float(halves, out, count)
                               : convert_half_to_float(halves, out, count);
  }
  constexpr int64_t block = 512;
  float between[block];
  for (int64_t i = 0; i < count; i += block) {
    const int64_t n = std::min(block, count - i);
    convert(from, x + 2 * i, DType::f32, reinterpret_cast<std::byte*>(between), n);
    convert(DType::f32, reinterpret_cast<const std::byte*>(between), to, y + 2 * i, n);
  }
}

}  // namespace

void CpuBackend::copy(ConstView x, View y) {
  const DType from = x.dtype, to = y.dtype;
  PEFT_ASSERT(!is_quantized(from) && (from == to || (is_floating(from) && is_floating(to))));
  const int64_t x_bytes = traits(from).block_bytes, y_bytes = traits(to).block_bytes;
  for_spans(threads(), x.dense() && y.dense(), x.rows(), x.columns(),
            [&](int64_t row, int64_t column, int64_t count) {
              const std::byte* source = x.data + (row * x.row_stride + column) * x_bytes;
              std::byte* target = y.data + (row * y.row_stride + column) * y_bytes;
              if (from == to) {
                std::memmove(target, source, static_cast<size_t>(count * y_bytes));
              } else {
                convert(from, source, to, target, count);
              }
            });
}

}  // namespace peft
#endif
