// Sums over rows (columns are the slices) and over everything (fixed slices, added in order).
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/reduce.cpp"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"

#include "cpu/vector_math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace peft {
namespace HWY_NAMESPACE {

// y[c] += sum over rows of a[r,c] (b given: a[r,c] b[r,c]) for at most 128 columns. f32 within 32 rows, f64
// beyond.
void SumColumns(const float* a, int64_t a_stride, const float* b, int64_t b_stride, float* y, int64_t rows,
                int64_t columns) {
  HWY_ALIGN float partial[128];
  double total[128] = {};
  for (int64_t begin = 0; begin < rows; begin += 32) {
    const int64_t end = begin + 32 < rows ? begin + 32 : rows;
    for (int64_t c = 0; c < columns; ++c) partial[c] = 0;
    for (int64_t r = begin; r < end; ++r) {
      const float* first = a + r * a_stride;
      if (b != nullptr) {
        const float* second = b + r * b_stride;
        for_lanes(columns, [&](int64_t i, auto access) HWY_ATTR {
          access.store(hn::MulAdd(access.load(first + i), access.load(second + i), access.load(partial + i)),
                       partial + i);
        });
      } else {
        for_lanes(columns, [&](int64_t i, auto access) HWY_ATTR {
          access.store(hn::Add(access.load(first + i), access.load(partial + i)), partial + i);
        });
      }
    }
    for (int64_t c = 0; c < columns; ++c) total[c] += static_cast<double>(partial[c]);
  }
  for (int64_t c = 0; c < columns; ++c) y[c] = static_cast<float>(static_cast<double>(y[c]) + total[c]);
}

// In f64, so that only a sum that f32 cannot hold becomes infinite.
double SumSquaresSpan(const float* x, int64_t count) {
  double total = 0;
#if HWY_TARGET == HWY_SCALAR
  for (int64_t i = 0; i < count; ++i) total += static_cast<double>(x[i]) * static_cast<double>(x[i]);
#else
  const hn::ScalableTag<double> d;
  const hn::Rebind<float, decltype(d)> df;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  auto s0 = hn::Zero(d), s1 = s0, s2 = s0, s3 = s0;
  int64_t i = 0;
  for (; i + 4 * lanes <= count; i += 4 * lanes) {
    const auto x0 = hn::PromoteTo(d, hn::LoadU(df, x + i)),
               x1 = hn::PromoteTo(d, hn::LoadU(df, x + i + lanes));
    const auto x2 = hn::PromoteTo(d, hn::LoadU(df, x + i + 2 * lanes));
    const auto x3 = hn::PromoteTo(d, hn::LoadU(df, x + i + 3 * lanes));
    s0 = hn::MulAdd(x0, x0, s0);
    s1 = hn::MulAdd(x1, x1, s1);
    s2 = hn::MulAdd(x2, x2, s2);
    s3 = hn::MulAdd(x3, x3, s3);
  }
  for (; i < count; ++i) total += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  total += hn::GetLane(hn::SumOfLanes(d, hn::Add(hn::Add(s0, s1), hn::Add(s2, s3))));
#endif
  return total;
}

}  // namespace HWY_NAMESPACE
}  // namespace peft
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <array>

#include "cpu/cpu_backend.h"
#include "cpu/reduce.h"
#include "cpu/spans.h"

namespace peft {
namespace {
HWY_EXPORT(SumColumns);
HWY_EXPORT(SumSquaresSpan);

constexpr int64_t columns_per_slice = 128;
}  // namespace

void add_column_sums(ConstView a, ConstView b, View y, int threads) {
  if (a.rows() == 0) return;
  parallel_for(a.columns(), columns_per_slice, threads, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(SumColumns)
    (at(a, 0, begin), a.row_stride, b ? at(b, 0, begin) : nullptr, b.row_stride, at(y, 0, begin), a.rows(),
     end - begin);
  });
}

void CpuBackend::sum_rows(ConstView x, View y) { add_column_sums(x, ConstView(), y, threads_); }

void CpuBackend::multiply_sum_rows(ConstView a, ConstView b, View y) { add_column_sums(a, b, y, threads_); }

void CpuBackend::sum_squares(ConstView x, View y) {
  if (x.elements() == 0) return;
  // At most 64 partial sums; how many and over what depends on the shape alone.
  std::array<double, 64> partial{};
  const int64_t slices = static_cast<int64_t>(partial.size());
  const int64_t units = x.dense() ? x.elements() : x.rows();
  const int64_t smallest = x.dense() ? slice_elements : rows_per_slice(x.columns());
  const int64_t grain = std::max(smallest, (units + slices - 1) / slices);
  parallel_for(units, grain, threads_, [&](int64_t begin, int64_t end) {
    double total = 0;
    if (x.dense()) {
      total = HWY_DYNAMIC_DISPATCH(SumSquaresSpan)(at(x, 0, begin), end - begin);
    } else {
      for (int64_t row = begin; row < end; ++row)
        total += HWY_DYNAMIC_DISPATCH(SumSquaresSpan)(at(x, row, 0), x.columns());
    }
    partial[static_cast<size_t>(begin / grain)] = total;
  });
  double total = static_cast<double>(*y.row<float>());
  for (const double part : partial) total += part;
  *y.row<float>() = static_cast<float>(total);
}

}  // namespace peft
#endif  // HWY_ONCE
