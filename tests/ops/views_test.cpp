#include "ops/views.h"

#include "ops/elementwise.h"
#include "support/gradient_check.h"

namespace peft {
namespace {

class Views : public GradientTest {
 protected:
  Tensor index(const std::vector<int32_t>& values) {
    return context->from_host(std::span<const int32_t>(values), {static_cast<int64_t>(values.size())});
  }
};
INSTANTIATE_TEST_SUITE_P(Devices, Views, every_device());

DoubleVector part(const DoubleVector& x, size_t columns, size_t row, size_t rows, size_t column,
                  size_t count) {
  DoubleVector y;
  for (size_t r = row; r < row + rows; ++r)
    for (size_t c = column; c < column + count; ++c) y.push_back(x[r * columns + c]);
  return y;
}

TEST_P(Views, Reshape) {
  check_op({.inputs = {{{4, 6}}},
            .op =
                [](Context& c, auto& in) {
                  return reshape(c, in[0], {8, 3});
                },
            .reference = [](const auto& in) { return in[0]; }});
}

TEST_P(Views, Ranges) {
  check_op({.inputs = {{{4, 6}}},
            .op = [](Context& c, auto& in) { return row_range(c, in[0], 1, 2); },
            .reference = [](const auto& in) { return part(in[0], 6, 1, 2, 0, 6); }});
  check_op({.inputs = {{{4, 6}}},
            .op = [](Context& c, auto& in) { return contiguous(c, column_range(c, in[0], 2, 3)); },
            .reference = [](const auto& in) { return part(in[0], 6, 0, 4, 2, 3); }});
}

TEST_P(Views, SplitColumns) {
  check_op({.inputs = {{{4, 7}}},
            .op =
                [](Context& c, auto& in) {
                  const int64_t widths[] = {3, 1, 3};
                  const auto parts = split_columns(c, in[0], widths);
                  return multiply(c, contiguous(c, parts[0]),
                                  contiguous(c, parts[2]));  // the middle gets no gradient
                },
            .reference =
                [](const auto& in) {
                  DoubleVector y = part(in[0], 7, 0, 4, 0, 3);
                  const DoubleVector other = part(in[0], 7, 0, 4, 4, 3);
                  for (size_t i = 0; i < y.size(); ++i) y[i] *= other[i];
                  return y;
                }});
  const int64_t wrong[] = {3, 3};
  EXPECT_THROW(split_columns(*context, random_tensor({4, 7}), wrong), Error);
}

TEST_P(Views, ConcatRows) {
  check_op({.inputs = {{{2, 3}}, {{1, 3}}, {{4, 3}}},
            .op = [](Context& c, auto& in) { return concat_rows(c, in); },
            .reference =
                [](const auto& in) {
                  DoubleVector y = in[0];
                  y.insert(y.end(), in[1].begin(), in[1].end());
                  y.insert(y.end(), in[2].begin(), in[2].end());
                  return y;
                }});
}

TEST_P(Views, GatherRows) {
  const Tensor rows = index({3, 0, 3, 2});
  check_op({.inputs = {{{4, 5}}},
            .op = [&](Context& c, auto& in) { return gather_rows(c, in[0], rows); },
            .reference =
                [](const auto& in) {
                  DoubleVector y;
                  for (const size_t r : {3, 0, 3, 2})
                    for (size_t i = 0; i < 5; ++i) y.push_back(in[0][r * 5 + i]);
                  return y;
                }});
}

TEST_P(Views, ScatterRows) {
  const Tensor rows = index({3, 0, 3});
  check_op({.inputs = {{{3, 5}}},
            .op = [&](Context& c, auto& in) { return scatter_rows(c, in[0], rows, 5); },
            .reference =
                [](const auto& in) {
                  DoubleVector y(25);
                  for (size_t i = 0; i < 5; ++i) {
                    y[15 + i] = in[0][i] + in[0][10 + i];
                    y[i] = in[0][5 + i];
                  }
                  return y;
                }});
}

TEST_P(Views, PartsMustLieInside) {
  const Tensor x = random_tensor({4, 6});
  EXPECT_THROW(row_range(*context, x, 3, 2), Error);
  EXPECT_THROW(column_range(*context, x, -1, 2), Error);
  EXPECT_THROW(reshape(*context, x, {5, 5}), Error);
  EXPECT_THROW(reshape(*context, column_range(*context, x, 0, 2), {8}), Error);
  EXPECT_THROW(concat_rows(*context, {}), Error);
}

}  // namespace
}  // namespace peft
