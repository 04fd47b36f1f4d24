#include <cmath>

#include "support.h"

namespace peft::testing {
namespace {

using Row = std::vector<double>;

Row row_of(const Floats32& grid, int64_t r) {
  Row row;
  for (int64_t c = 0; c < grid.columns(); ++c) row.push_back(static_cast<double>(grid.at(r, c)));
  return row;
}

double mean_of(const Row& x) {
  double sum = 0;
  for (const double v : x) sum += v;
  return sum / static_cast<double>(x.size());
}

// The normalised row without weights; center: layer norm, else RMS norm.
Row normal_of(const Row& x, bool center, double eps, double* rstd) {
  const double middle = center ? mean_of(x) : 0;
  Row normal, squares;
  for (const double v : x) squares.push_back((v - middle) * (v - middle));
  *rstd = 1 / std::sqrt(mean_of(squares) + eps);
  for (const double v : x) normal.push_back((v - middle) * *rstd);
  return normal;
}

// sum dy * (normal * weight): what the gradients are taken of.
double loss_of(const Row& x, const Row& weight, const Row& dy, bool center, double eps) {
  double rstd = 0, sum = 0;
  const Row normal = normal_of(x, center, eps, &rstd);
  for (size_t i = 0; i < x.size(); ++i) sum += dy[i] * normal[i] * weight[i];
  return sum;
}

struct Case {
  int64_t rows, columns;
  float scale, offset;
};
constexpr Case cases[] = {{1, 1, 1, 0},        {5, 7, 1, 0},      {33, 64, 1, 3},
                          {40, 577, 1e-3f, 0}, {3, 3001, 100, 0}, {4, 20, 0, 0}};

TEST(Norm, RmsForwardAndBackward) {
  on_every_instruction_set([] {
    CpuBackend backend(nullptr, 2);
    const float eps = 1e-5f;
    for (const Case& shape : cases) {
      Floats32 x(shape.rows, shape.columns, 2), weight(1, shape.columns), y(shape.rows, shape.columns, 1),
          rstd(1, shape.rows);
      x.randomize(1, shape.scale, shape.offset);
      weight.randomize(2, 1, 1);
      backend.rms_norm(x.view(), weight.vector_view(), eps, y.view(), rstd.vector_view());
      Floats32 dy(shape.rows, shape.columns, 4), dx(shape.rows, shape.columns, 3),
          sum(shape.rows, shape.columns);
      Floats32 dweight(1, shape.columns);
      dy.randomize(3);
      sum.fill(1);
      dweight.fill(0.5f);
      backend.rms_norm_backward(x.view(), weight.vector_view(), rstd.vector_view(), dy.view(), false,
                                dx.view(), dweight.vector_view());
      backend.rms_norm_backward(x.view(), weight.vector_view(), rstd.vector_view(), dy.view(), true,
                                sum.view(), View());
      Row expected_dweight(static_cast<size_t>(shape.columns), 0.5),
          magnitude(static_cast<size_t>(shape.columns), 0.5);
      const Row w = row_of(weight, 0);
      for (int64_t r = 0; r < shape.rows; ++r) {
        double scale = 0;
        const Row in = row_of(x, r), normal = normal_of(in, false, static_cast<double>(eps), &scale),
                  up = row_of(dy, r);
        ASSERT_TRUE(near(static_cast<double>(rstd.at(0, r)), scale, 1e-6, 0));
        double product = 0, size = 0;
        for (size_t c = 0; c < in.size(); ++c) {
          product += up[c] * w[c] * normal[c] / static_cast<double>(in.size());
          size += std::abs(up[c] * w[c] * normal[c]) / static_cast<double>(in.size());
          expected_dweight[c] += up[c] * normal[c];
          magnitude[c] += std::abs(up[c] * normal[c]);
        }
        for (size_t c = 0; c < in.size(); ++c) {
          const auto column = static_cast<int64_t>(c);
          ASSERT_TRUE(near(static_cast<double>(y.at(r, column)), normal[c] * w[c], 1e-6, 0));
          const double g = scale * (up[c] * w[c] - normal[c] * product);
          const double bound = 1e-6 * scale * (std::abs(up[c] * w[c]) + std::abs(normal[c]) * size);
          ASSERT_TRUE(near(static_cast<double>(dx.at(r, column)), g, 0, bound));
          ASSERT_TRUE(near(static_cast<double>(sum.at(r, column)), 1 + g, f32_epsilon, bound + 1e-7));
        }
      }
      for (size_t c = 0; c < w.size(); ++c)
        ASSERT_TRUE(near(static_cast<double>(dweight.at(0, static_cast<int64_t>(c))), expected_dweight[c], 0,
                         2e-6 * magnitude[c]));
      EXPECT_TRUE(y.guards_intact() && dx.guards_intact() && rstd.guards_intact() && dweight.guards_intact());
    }
  });
}

TEST(Norm, LayerForwardAndBackward) {
  on_every_instruction_set([] {
    CpuBackend backend(nullptr, 2);
    const float eps = 1e-5f;
    for (const Case& shape : cases) {
      Floats32 x(shape.rows, shape.columns, 2), weight(1, shape.columns), bias(1, shape.columns),
          y(shape.rows, shape.columns, 1);
      Floats32 mean(1, shape.rows), rstd(1, shape.rows);
      x.randomize(1, shape.scale, shape.offset);
      weight.randomize(2, 1, 1);
      bias.randomize(4);
      backend.layer_norm(x.view(), weight.vector_view(), bias.vector_view(), eps, y.view(),
                         mean.vector_view(), rstd.vector_view());
      Floats32 dy(shape.rows, shape.columns, 4), dx(shape.rows, shape.columns, 3), dweight(1, shape.columns),
          dbias(1, shape.columns);
      dy.randomize(3);
      backend.layer_norm_backward(x.view(), weight.vector_view(), mean.vector_view(), rstd.vector_view(),
                                  dy.view(), false, dx.view(), dweight.vector_view(), dbias.vector_view());
      Row expected_dweight(static_cast<size_t>(shape.columns)), expected_dbias = expected_dweight,
                                                                magnitude = expected_dweight;
      const Row w = row_of(weight, 0), b = row_of(bias, 0);
      for (int64_t r = 0; r < shape.rows; ++r) {
        double scale = 0;
        const Row in = row_of(x, r), normal = normal_of(in, true, static_cast<double>(eps), &scale),
                  up = row_of(dy, r);
        double offset = 0, along = 0, size = 0;
        for (size_t c = 0; c < in.size(); ++c) {
          const double g = up[c] * w[c] / static_cast<double>(in.size());
          offset += g;
          along += g * normal[c];
          size += std::abs(g) * (1 + std::abs(normal[c]));
          expected_dweight[c] += up[c] * normal[c];
          expected_dbias[c] += up[c];
          magnitude[c] += std::abs(up[c]) * (2 + std::abs(normal[c]));
        }
        // x - mean cancels: the error of the f32 mean counts against rstd
        const double cancel = f32_epsilon * std::abs(mean_of(in)) * scale;
        for (size_t c = 0; c < in.size(); ++c) {
          const auto column = static_cast<int64_t>(c);
          ASSERT_TRUE(
              near(static_cast<double>(y.at(r, column)), normal[c] * w[c] + b[c], 1e-6,
                   1e-6 * std::abs(b[c]) + (1e-6 * std::abs(normal[c]) + 2 * cancel) * std::abs(w[c])));
          const double g = scale * (up[c] * w[c] - offset - normal[c] * along);
          const double bound =
              (1e-6 + 4 * cancel) * scale * (std::abs(up[c] * w[c]) + (1 + std::abs(normal[c])) * size);
          ASSERT_TRUE(near(static_cast<double>(dx.at(r, column)), g, 0, bound + 1e-12));
        }
      }
      for (size_t c = 0; c < w.size(); ++c) {
        const auto column = static_cast<int64_t>(c);
        ASSERT_TRUE(
            near(static_cast<double>(dweight.at(0, column)), expected_dweight[c], 0, 2e-6 * magnitude[c]));
        ASSERT_TRUE(
            near(static_cast<double>(dbias.at(0, column)), expected_dbias[c], 0, 2e-6 * magnitude[c]));
      }
      EXPECT_TRUE(y.guards_intact() && dx.guards_intact());
    }
  });
}

TEST(Norm, BackwardIsTheDerivative) {
  CpuBackend backend(nullptr, 1);
  for (const bool center : {false, true}) {
    Floats32 x(1, 23), weight(1, 23), bias(1, 23), dy(1, 23), y(1, 23), mean(1, 1), rstd(1, 1), dx(1, 23);
    x.randomize(5, 1, 0.5f);
    weight.randomize(6);
    dy.randomize(7);
    if (center) {
      backend.layer_norm(x.view(), weight.vector_view(), bias.vector_view(), 1e-6f, y.view(),
                         mean.vector_view(), rstd.vector_view());
      backend.layer_norm_backward(x.view(), weight.vector_view(), mean.vector_view(), rstd.vector_view(),
                                  dy.view(), false, dx.view(), View(), View());
    } else {
      backend.rms_norm(x.view(), weight.vector_view(), 1e-6f, y.view(), rstd.vector_view());
      backend.rms_norm_backward(x.view(), weight.vector_view(), rstd.vector_view(), dy.view(), false,
                                dx.view(), View());
    }
    const Row w = row_of(weight, 0), up = row_of(dy, 0);
    for (size_t c = 0; c < 23; ++c) {
      const double h = 1e-5;
      Row more = row_of(x, 0), less = more;
      more[c] += h;
      less[c] -= h;
      const double expected =
          (loss_of(more, w, up, center, 1e-6) - loss_of(less, w, up, center, 1e-6)) / (2 * h);
      EXPECT_TRUE(near(static_cast<double>(dx.at(0, static_cast<int64_t>(c))), expected, 1e-6, 2e-6));
    }
  }
}

TEST(Norm, GradientMayLieOverItsUpstream) {
  CpuBackend backend(nullptr, 2);
  Floats32 x(50, 100), weight(1, 100), y(50, 100), rstd(1, 50), dy(50, 100), dx(50, 100), dweight(1, 100),
      other(1, 100);
  x.randomize(1);
  weight.randomize(2);
  dy.randomize(3);
  backend.rms_norm(x.view(), weight.vector_view(), 1e-5f, y.view(), rstd.vector_view());
  backend.rms_norm_backward(x.view(), weight.vector_view(), rstd.vector_view(), dy.view(), false, dx.view(),
                            dweight.vector_view());
  backend.rms_norm_backward(x.view(), weight.vector_view(), rstd.vector_view(), dy.view(), false, dy.view(),
                            other.vector_view());
  EXPECT_TRUE(dx.same_bits(dy));
  EXPECT_TRUE(dweight.same_bits(other));
}

TEST(Norm, BitsDoNotDependOnThreads) {
  Floats32 x(300, 576), weight(1, 576), dy(300, 576);
  x.randomize(1);
  weight.randomize(2);
  dy.randomize(3);
  expect_independent_of_threads([&](CpuBackend& backend) {
    Floats32 result(301, 576), y(300, 576), mean(1, 300), rstd(1, 300);
    backend.layer_norm(x.view(), weight.vector_view(), weight.vector_view(), 1e-5f, y.view(),
                       mean.vector_view(), rstd.vector_view());
    View dweight = result.view().row_range(300, 1);
    backend.layer_norm_backward(x.view(), weight.vector_view(), mean.vector_view(), rstd.vector_view(),
                                dy.view(), false, result.view().row_range(0, 300), dweight, View());
    return result;
  });
}

}  // namespace
}  // namespace peft::testing
