// RMS norm and layer norm. Rows are the slices; a row stays in the first cache between its passes.
#include <cmath>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/norm.cpp"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"

#include "cpu/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace peft {
namespace HWY_NAMESPACE {

// Returns rstd.
float RmsNormRow(const float* x, const float* weight, float eps, float* y, int64_t columns) {
  const double squares = sum_of(columns, [&](int64_t i, auto access) HWY_ATTR {
    const Floats v = access.load(x + i);
    return hn::Mul(v, v);
  });
  const float rstd =
      static_cast<float>(1 / std::sqrt(squares / static_cast<double>(columns) + static_cast<double>(eps)));
  const Floats factor = hn::Set(FloatTag(), rstd);
  for_lanes(columns, [&](int64_t i, auto access) HWY_ATTR {
    access.store(hn::Mul(hn::Mul(access.load(x + i), factor), access.load(weight + i)), y + i);
  });
  return rstd;
}

void RmsNormBackwardRow(const float* x, const float* weight, float rstd, const float* dy, bool accumulate,
                        float* dx, int64_t columns) {
  const double product = sum_of(columns, [&](int64_t i, auto access) HWY_ATTR {
    return hn::Mul(hn::Mul(access.load(dy + i), access.load(weight + i)), access.load(x + i));
  });
  // mean(g xhat) xhat = x rstd^2 sum(g x) / columns
  const double wide = static_cast<double>(rstd);
  const Floats along =
      hn::Set(FloatTag(), static_cast<float>(wide * wide * product / static_cast<double>(columns)));
  const Floats factor = hn::Set(FloatTag(), rstd);
  for_lanes(columns, [&](int64_t i, auto access) HWY_ATTR {
    const Floats g = hn::Mul(access.load(dy + i), access.load(weight + i));
    const Floats value = hn::Mul(factor, hn::NegMulAdd(access.load(x + i), along, g));
    access.store(accumulate ? hn::Add(access.load(dx + i), value) : value, dx + i);
  });
}

// bias may be null. Two passes for the variance: one-pass formulas cancel when the mean is large.
void LayerNormRow(const float* x, const float* weight, const float* bias, float eps, float* y, float* mean,
                  float* rstd, int64_t columns) {
  const FloatTag d;
  const double width = static_cast<double>(columns);
  const double center =
      sum_of(columns, [&](int64_t i, auto access) HWY_ATTR { return access.load(x + i); }) / width;
  *mean = static_cast<float>(center);
  const Floats middle = hn::Set(d, *mean);
  const double squares = sum_of(columns, [&](int64_t i, auto access) HWY_ATTR {
    const Floats v = hn::Sub(access.load(x + i), middle);
    return hn::Mul(v, v);
  });
  *rstd = static_cast<float>(1 / std::sqrt(squares / width + static_cast<double>(eps)));
  const Floats factor = hn::Set(d, *rstd);
  for_lanes(columns, [&](int64_t i, auto access) HWY_ATTR {
    const Floats normal = hn::Mul(hn::Sub(access.load(x + i), middle), factor);
    const Floats shift = bias != nullptr ? access.load(bias + i) : hn::Zero(d);
    access.store(hn::MulAdd(normal, access.load(weight + i), shift), y + i);
  });
}

void LayerNormBackwardRow(const float* x, const float* weight, float mean, float rstd, const float* dy,
                          bool accumulate, float* dx, int64_t columns) {
  const FloatTag d;
  const double width = static_cast<double>(columns);
  const Floats middle = hn::Set(d, mean), factor = hn::Set(d, rstd);
  const double sum = sum_of(columns, [&](int64_t i, auto access) HWY_ATTR {
    return hn::Mul(access.load(dy + i), access.load(weight + i));
  });
  const double product = sum_of(columns, [&](int64_t i, auto access) HWY_ATTR {
    const Floats normal = hn::Mul(hn::Sub(access.load(x + i), middle), factor);
    return hn::Mul(hn::Mul(access.load(dy + i), access.load(weight + i)), normal);
  });
  const Floats offset = hn::Set(d, static_cast<float>(sum / width)),
               along = hn::Set(d, static_cast<float>(product / width));
  for_lanes(columns, [&](int64_t i, auto access) HWY_ATTR {
    const Floats normal = hn::Mul(hn::Sub(access.load(x + i), middle), factor);
    const Floats g = hn::Sub(hn::Mul(access.load(dy + i), access.load(weight + i)), offset);
    const Floats value = hn::Mul(factor, hn::NegMulAdd(normal, along, g));
    access.store(accumulate ? hn::Add(access.load(dx + i), value) : value, dx + i);
  });
}

// dweight[c] += sum over rows of dy (x - mean) rstd for at most 128 columns; mean may be null (zero).
void NormWeightGradient(const float* x, int64_t x_stride, const float* mean, int64_t mean_stride,
                        const float* rstd, int64_t rstd_stride, const float* dy, int64_t dy_stride,
                        float* dweight, int64_t rows, int64_t columns) {
  HWY_ALIGN float partial[128];
  double total[128] = {};
  for (int64_t begin = 0; begin < rows; begin += 32) {
    const int64_t end = begin + 32 < rows ? begin + 32 : rows;
    for (int64_t c = 0; c < columns; ++c) partial[c] = 0;
    for (int64_t r = begin; r < end; ++r) {
      const Floats middle = hn::Set(FloatTag(), mean != nullptr ? mean[r * mean_stride] : 0.0f);
      const Floats factor = hn::Set(FloatTag(), rstd[r * rstd_stride]);
      for_lanes(columns, [&](int64_t i, auto access) HWY_ATTR {
        const Floats normal = hn::Mul(hn::Sub(access.load(x + r * x_stride + i), middle), factor);
        access.store(hn::MulAdd(normal, access.load(dy + r * dy_stride + i), access.load(partial + i)),
                     partial + i);
      });
    }
    for (int64_t c = 0; c < columns; ++c) total[c] += static_cast<double>(partial[c]);
  }
  for (int64_t c = 0; c < columns; ++c)
    dweight[c] = static_cast<float>(static_cast<double>(dweight[c]) + total[c]);
}

}  // namespace HWY_NAMESPACE
}  // namespace peft
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "cpu/cpu_backend.h"
#include "cpu/reduce.h"
#include "cpu/spans.h"

namespace peft {
namespace {
HWY_EXPORT(RmsNormRow);
HWY_EXPORT(RmsNormBackwardRow);
HWY_EXPORT(LayerNormRow);
HWY_EXPORT(LayerNormBackwardRow);
HWY_EXPORT(NormWeightGradient);

// A vector with one element a row may be [rows] (dense) or [rows, 1] (strided).
int64_t element_stride(ConstView vector) { return vector.shape.rank() <= 1 ? 1 : vector.row_stride; }

template <typename Body>
void for_rows(ConstView x, int threads, const Body& body) {
  parallel_for(x.rows(), rows_per_slice(x.columns()), threads, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) body(r);
  });
}

void add_weight_gradient(ConstView x, ConstView mean, ConstView rstd, ConstView dy, View dweight,
                         int threads) {
  if (x.rows() == 0) return;
  parallel_for(x.columns(), /*grain=*/128, threads, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(NormWeightGradient)
    (at(x, 0, begin), x.row_stride, mean ? mean.row<float>() : nullptr, mean ? element_stride(mean) : 0,
     rstd.row<float>(), element_stride(rstd), at(dy, 0, begin), dy.row_stride, at(dweight, 0, begin),
     x.rows(), end - begin);
  });
}
}  // namespace

void CpuBackend::rms_norm(ConstView x, ConstView weight, float eps, View y, View rstd) {
  float* inverse = rstd.row<float>();
  const int64_t stride = element_stride(rstd);
  for_rows(x, threads_, [&](int64_t r) {
    inverse[r * stride] = HWY_DYNAMIC_DISPATCH(RmsNormRow)(x.row<float>(r), weight.row<float>(), eps,
                                                           y.row<float>(r), x.columns());
  });
}

void CpuBackend::rms_norm_backward(ConstView x, ConstView weight, ConstView rstd, ConstView dy,
                                   bool accumulate, View dx, View dweight) {
  // Before dx, which may lie over dy.
  if (dweight) add_weight_gradient(x, ConstView(), rstd, dy, dweight, threads_);
  const float* inverse = rstd.row<float>();
  const int64_t stride = element_stride(rstd);
  for_rows(x, threads_, [&](int64_t r) {
    HWY_DYNAMIC_DISPATCH(RmsNormBackwardRow)
    (x.row<float>(r), weight.row<float>(), inverse[r * stride], dy.row<float>(r), accumulate,
     dx.row<float>(r), x.columns());
  });
}

void CpuBackend::layer_norm(ConstView x, ConstView weight, ConstView bias, float eps, View y, View mean,
                            View rstd) {
  const int64_t mean_stride = element_stride(mean), rstd_stride = element_stride(rstd);
  const float* shift = bias ? bias.row<float>() : nullptr;
  for_rows(x, threads_, [&](int64_t r) {
    HWY_DYNAMIC_DISPATCH(LayerNormRow)
    (x.row<float>(r), weight.row<float>(), shift, eps, y.row<float>(r), mean.row<float>() + r * mean_stride,
     rstd.row<float>() + r * rstd_stride, x.columns());
  });
}

void CpuBackend::layer_norm_backward(ConstView x, ConstView weight, ConstView mean, ConstView rstd,
                                     ConstView dy, bool accumulate, View dx, View dweight, View dbias) {
  if (dweight) add_weight_gradient(x, mean, rstd, dy, dweight, threads_);
  if (dbias) add_column_sums(dy, ConstView(), dbias, threads_);
  const int64_t mean_stride = element_stride(mean), rstd_stride = element_stride(rstd);
  for_rows(x, threads_, [&](int64_t r) {
    HWY_DYNAMIC_DISPATCH(LayerNormBackwardRow)
    (x.row<float>(r), weight.row<float>(), mean.row<float>()[r * mean_stride],
     rstd.row<float>()[r * rstd_stride], dy.row<float>(r), accumulate, dx.row<float>(r), x.columns());
  });
}

}  // namespace peft
#endif  // HWY_ONCE
