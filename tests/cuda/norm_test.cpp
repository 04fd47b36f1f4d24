#include <cmath>

#include "cuda/activation_types.h"
#include "cuda/device_matrix.h"

namespace peft {
namespace {

using Row = std::vector<double>;

// Beyond 2048 elements one block's registers do not hold a row that is read by the element, beyond 8192 one in
// packs of f32, beyond 16384 one in packs of bf16.
struct Case {
  int64_t rows, columns;
  float scale, offset;
};
constexpr Case cases[] = {{1, 1, 1, 0},      {5, 7, 1, 0},    {33, 64, 1, 3},      {40, 577, 1e-3f, 0},
                          {3, 3001, 100, 0}, {4, 20, 0, 0},   {300, 4, 1, 0},      {2, 4096, 1, 0.5f},
                          {2, 8192, 1, 0},   {2, 8196, 1, 0}, {1, 2048, 1, 0.25f}, {2, 20000, 1, 0.125f},
                          {1, 16384, 1, 0},  {1, 16392, 1, 1}};

struct Normal {
  Row value;  // (x - mean) rstd
  double mean = 0, rstd = 0;
};
template <typename T>
Normal normal_of(const DeviceMatrix<T>& x, int64_t r, bool center, double eps) {
  const auto n = static_cast<double>(x.columns());
  Normal result;
  double squares = 0;
  for (int64_t c = 0; center && c < x.columns(); ++c) result.mean += static_cast<double>(x.at(r, c)) / n;
  for (int64_t c = 0; c < x.columns(); ++c)
    squares += std::pow(static_cast<double>(x.at(r, c)) - result.mean, 2) / n;
  result.rstd = 1 / std::sqrt(squares + eps);
  for (int64_t c = 0; c < x.columns(); ++c)
    result.value.push_back((static_cast<double>(x.at(r, c)) - result.mean) * result.rstd);
  return result;
}

class NormKernel : public DeviceTest {
 protected:
  // Both norms, forward and backward, on one shape with all matrices placed alike.
  template <typename T>
  void check(const Case& shape, Placement place, bool center, bool strided_statistics);
};
INSTANTIATE_TEST_SUITE_P(Devices, NormKernel, every_device());

template <typename T>
void NormKernel::check(const Case& shape, Placement place, bool center, bool strided_statistics) {
  const int64_t rows = shape.rows, columns = shape.columns;
  const float eps = 1e-5f;
  Backend& backend = context->backend();
  DeviceMatrix<T> x(*context, rows, columns, place), y(*context, rows, columns, place),
      dy(*context, rows, columns, place);
  DeviceMatrix<T> dx(*context, rows, columns, place), sum(*context, rows, columns, {1, 0});
  FloatMatrix weight(*context, 1, columns, {0, place.lead}), bias(*context, 1, columns, {0, place.lead});
  FloatMatrix dweight(*context, 1, columns), dbias(*context, 1, columns);
  FloatMatrix mean(*context, rows, 1, {strided_statistics ? 2 : 0, 0}),
      rstd(*context, rows, 1, {strided_statistics ? 1 : 0, 0});
  x.randomize(1, shape.scale, shape.offset);
  weight.randomize(2, 1, 1);
  dy.randomize(3);
  sum.fill(1);
  dweight.fill(0.5f);
  dbias.fill(-0.5f);
  const View inverse = strided_statistics ? rstd.view() : rstd.vector_view();
  const View middle = strided_statistics ? mean.view() : mean.vector_view();
  if (center) {
    bias.randomize(4);
    backend.layer_norm(x.view(), weight.vector_view(), bias.vector_view(), eps, y.view(), middle, inverse);
    backend.layer_norm_backward(x.view(), weight.vector_view(), middle, inverse, dy.view(), false, dx.view(),
                                dweight.vector_view(), dbias.vector_view());
    backend.layer_norm_backward(x.view(), weight.vector_view(), middle, inverse, dy.view(), true, sum.view(),
                                View(), View());
  } else {
    backend.rms_norm(x.view(), weight.vector_view(), eps, y.view(), inverse);
    backend.rms_norm_backward(x.view(), weight.vector_view(), inverse, dy.view(), false, dx.view(),
                              dweight.vector_view());
    backend.rms_norm_backward(x.view(), weight.vector_view(), inverse, dy.view(), true, sum.view(), View());
  }
  const auto width = static_cast<size_t>(columns);
  Row expected_dweight(width, 0.5), expected_dbias(width, -0.5), magnitude(width, 0.5);
  for (int64_t r = 0; r < rows; ++r) {
    const Normal normal = normal_of(x, r, center, static_cast<double>(eps));
    // x - mean cancels: the error of the f32 mean counts against rstd
    const double cancel = f32_epsilon * std::abs(normal.mean) * normal.rstd;
    ASSERT_TRUE(near(rstd.at(r, 0), normal.rstd, 1e-6, 0));
    if (center) {
      ASSERT_TRUE(near(mean.at(r, 0), normal.mean, 1e-6, 1e-7 * static_cast<double>(shape.scale)));
    }
    double offset = 0, along = 0, size = 0;
    for (size_t c = 0; c < width; ++c) {
      const auto column = static_cast<int64_t>(c);
      const auto up = static_cast<double>(dy.at(r, column)), w = static_cast<double>(weight.at(0, column));
      const double g = up * w / static_cast<double>(columns);
      if (center) offset += g;
      along += g * normal.value[c];
      size += std::abs(g) * (1 + std::abs(normal.value[c]));
      expected_dweight[c] += up * normal.value[c];
      expected_dbias[c] += up;
      magnitude[c] += std::abs(up) * (2 + std::abs(normal.value[c]));
    }
    for (size_t c = 0; c < width; ++c) {
      const auto column = static_cast<int64_t>(c);
      const auto up = static_cast<double>(dy.at(r, column)), w = static_cast<double>(weight.at(0, column)),
                 b = static_cast<double>(bias.at(0, column));
      ASSERT_TRUE(near_stored(y.at(r, column), normal.value[c] * w + b, 1e-6,
                              1e-6 * std::abs(b) + (1e-6 * std::abs(normal.value[c]) + 2 * cancel) * std::abs(w)))
          << r << ", " << c;
      const double g = normal.rstd * (up * w - offset - normal.value[c] * along);
      const double bound =
          (1e-6 + 4 * cancel) * normal.rstd * (std::abs(up * w) + (1 + std::abs(normal.value[c])) * size) +
          1e-12;
      ASSERT_TRUE(near_stored(dx.at(r, column), g, 0, bound)) << r << ", " << c;
      ASSERT_TRUE(near_stored(sum.at(r, column), 1 + g, f32_epsilon, bound + f32_epsilon)) << r << ", " << c;
    }
  }
  for (size_t c = 0; c < width; ++c) {
    const auto column = static_cast<int64_t>(c);
    ASSERT_TRUE(near(dweight.at(0, column), expected_dweight[c], 0, 2e-6 * magnitude[c])) << c;
    if (center) {
      ASSERT_TRUE(near(dbias.at(0, column), expected_dbias[c], 0, 2e-6 * magnitude[c])) << c;
    }
  }
  ASSERT_TRUE(y.guards_intact() && dx.guards_intact() && sum.guards_intact());
  ASSERT_TRUE(rstd.guards_intact() && mean.guards_intact() && dweight.guards_intact() &&
              dbias.guards_intact());
}

TEST_P(NormKernel, RmsNorm) {
  with_activation_types(*context, [&]<typename T>(T) {
    for (const Case& shape : cases) {
      for (const Placement place : placements) {
        if (shape.columns > 4096 && place.lead > 1) continue;
        SCOPED_TRACE(std::to_string(shape.rows) + " x " + std::to_string(shape.columns) + ", gap " +
                     std::to_string(place.gap));
        ASSERT_NO_FATAL_FAILURE(check<T>(shape, place, /*center=*/false, place.gap > 0));
      }
    }
  });
}

TEST_P(NormKernel, LayerNorm) {
  with_activation_types(*context, [&]<typename T>(T) {
    for (const Case& shape : cases) {
      for (const Placement place : placements) {
        if (shape.columns > 4096 && place.lead > 1) continue;
        SCOPED_TRACE(std::to_string(shape.rows) + " x " + std::to_string(shape.columns) + ", gap " +
                     std::to_string(place.gap));
        ASSERT_NO_FATAL_FAILURE(check<T>(shape, place, /*center=*/true, place.gap > 0));
      }
    }
  });
}

TEST_P(NormKernel, BiasMayBeAbsent) {
  with_activation_types(*context, [&]<typename T>(T) {
    using Matrix = DeviceMatrix<T>;
    Matrix x(*context, 3, 40), y(*context, 3, 40), z(*context, 3, 40);
    FloatMatrix weight(*context, 1, 40), zero(*context, 1, 40), mean(*context, 1, 3), rstd(*context, 1, 3);
    x.randomize(1);
    weight.randomize(2);
    context->backend().layer_norm(x.view(), weight.vector_view(), zero.vector_view(), 1e-5f, y.view(),
                                  mean.vector_view(), rstd.vector_view());
    context->backend().layer_norm(x.view(), weight.vector_view(), View(), 1e-5f, z.view(), mean.vector_view(),
                                  rstd.vector_view());
    EXPECT_TRUE(y.same_bits(z));
  });
}

TEST_P(NormKernel, GradientMayLieOverItsUpstream) {
  with_activation_types(*context, [&]<typename T>(T) {
    using Matrix = DeviceMatrix<T>;
    for (const int64_t columns : {100, 3001, 9000, 16400}) {
      const int64_t rows = columns > 4096 ? 3 : 20;
      Matrix x(*context, rows, columns), y(*context, rows, columns);
      FloatMatrix weight(*context, 1, columns), mean(*context, 1, rows), rstd(*context, 1, rows);
      x.randomize(1);
      weight.randomize(2);
      for (const bool center : {false, true}) {
        Matrix dy(*context, rows, columns), dx(*context, rows, columns);
        FloatMatrix dweight(*context, 1, columns), other(*context, 1, columns);
        dy.randomize(3);
        const auto backward = [&](View out, View sum) {
          if (center) {
            context->backend().layer_norm_backward(x.view(), weight.vector_view(), mean.vector_view(),
                                                   rstd.vector_view(), dy.view(), false, out, sum, View());
          } else {
            context->backend().rms_norm_backward(x.view(), weight.vector_view(), rstd.vector_view(), dy.view(),
                                                 false, out, sum);
          }
        };
        if (center) {
          context->backend().layer_norm(x.view(), weight.vector_view(), View(), 1e-5f, y.view(),
                                        mean.vector_view(), rstd.vector_view());
        } else {
          context->backend().rms_norm(x.view(), weight.vector_view(), 1e-5f, y.view(), rstd.vector_view());
        }
        backward(dx.view(), dweight.vector_view());
        backward(dy.view(), other.vector_view());
        EXPECT_TRUE(dx.same_bits(dy) && dweight.same_bits(other));
      }
    }
  });
}

TEST_P(NormKernel, NoRows) {
  with_activation_types(*context, [&]<typename T>(T) {
    using Matrix = DeviceMatrix<T>;
    Matrix none(*context, 0, 16);
    FloatMatrix weight(*context, 1, 16), statistics(*context, 0, 1), dweight(*context, 1, 16);
    dweight.fill(3);
    context->backend().rms_norm(none.view(), weight.vector_view(), 1e-5f, none.view(), statistics.view());
    context->backend().rms_norm_backward(none.view(), weight.vector_view(), statistics.view(), none.view(),
                                         false, none.view(), dweight.vector_view());
    EXPECT_EQ(dweight.at(0, 15), 3);
    EXPECT_TRUE(none.guards_intact() && statistics.guards_intact());
  });
}

}  // namespace
}  // namespace peft
