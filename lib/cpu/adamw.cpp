// torch.optim.AdamW in one pass: 16 bytes read and 12 written for each parameter.
#include <cmath>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/adamw.cpp"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"

#include "cpu/vector_math-inl.h"
#include "tensor/kernel_types.h"

HWY_BEFORE_NAMESPACE();
namespace peft {
namespace HWY_NAMESPACE {

// The order of operations is torch's: decay, lerp, square, then parameter -= step * m / (sqrt(v) / sqrt(bc2)
// + eps).
void AdamWSpan(const AdamWOptions& options, const float* gradient, float* parameter, float* first,
               float* second, int64_t count) {
  const FloatTag d;
  const double rate = static_cast<double>(options.learning_rate);
  const Floats gradient_scale = hn::Set(d, options.gradient_scale);
  const Floats decay = hn::Set(d, static_cast<float>(1 - rate * static_cast<double>(options.weight_decay)));
  const Floats weight1 = hn::Set(d, static_cast<float>(1 - options.beta1));
  const Floats beta2 = hn::Set(d, static_cast<float>(options.beta2));
  const Floats weight2 = hn::Set(d, static_cast<float>(1 - options.beta2));
  const Floats correction2 = hn::Set(d, static_cast<float>(std::sqrt(options.bias_correction2)));
  const Floats epsilon = hn::Set(d, options.epsilon);
  const Floats step = hn::Set(d, static_cast<float>(rate / options.bias_correction1));
  for_lanes(count, [&](int64_t i, auto access) HWY_ATTR {
    const Floats g = hn::Mul(access.load(gradient + i), gradient_scale);
    const Floats p = hn::Mul(access.load(parameter + i), decay);
    const Floats old_first = access.load(first + i);
    const Floats m = hn::MulAdd(weight1, hn::Sub(g, old_first), old_first);
    const Floats v = hn::MulAdd(hn::Mul(weight2, g), g, hn::Mul(access.load(second + i), beta2));
    const Floats denominator = hn::Add(hn::Div(hn::Sqrt(v), correction2), epsilon);
    access.store(m, first + i);
    access.store(v, second + i);
    access.store(hn::NegMulAdd(step, hn::Div(m, denominator), p), parameter + i);
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace peft
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "cpu/cpu_backend.h"
#include "cpu/spans.h"

namespace peft {
namespace {
HWY_EXPORT(AdamWSpan);
}

void CpuBackend::adamw(const AdamWOptions& options, ConstView gradient, View parameter, View first_moment,
                       View second_moment) {
  for_spans(threads_, /*dense=*/true, 1, gradient.elements(),
            [&](int64_t row, int64_t column, int64_t count) {
              HWY_DYNAMIC_DISPATCH(AdamWSpan)
              (options, at(gradient, row, column), at(parameter, row, column), at(first_moment, row, column),
               at(second_moment, row, column), count);
            });
}

}  // namespace peft
#endif  // HWY_ONCE
