#include "ops/low_rank.h"

#include "ops/convert.h"
#include "ops/elementwise.h"
#include "ops/linear.h"
#include "ops/reduce.h"
#include "support/expect_error.h"
#include "support/gradient_check.h"
#include "support/reference.h"

namespace peft {
namespace {

using reference::multiply_nt;

class LowRank : public GradientTest {
 protected:
  RowDropout dropout(int64_t tokens) {
    std::vector<int32_t> ids;
    for (int32_t t = 0; t < tokens; ++t) {
      ids.push_back(t / 3);
      ids.push_back(t % 3 + 5);
    }
    RowDropout result;
    result.options = {.probability = 0.4f, .module = 9, .step = 3, .seed = 0x123456789abcdefull};
    result.row_ids = context->from_host(std::span<const int32_t>(ids), {tokens, 2});
    return result;
  }
  static DoubleVector dropped(DoubleVector x, size_t columns, const DropoutOptions& options) {
    for (size_t i = 0; i < x.size(); ++i) {
      const auto t = static_cast<int32_t>(i / columns);
      x[i] *= reference::dropout_factor(options, t / 3, t % 3 + 5, static_cast<uint32_t>(i % columns));
    }
    return x;
  }
};
INSTANTIATE_TEST_SUITE_P(Devices, LowRank, every_device());

TEST_P(LowRank, Shrink) {
  check_op({.inputs = {{{6, 10}}, {{4, 10}}},
            .op = [](Context& c, auto& in) { return shrink(c, in[0], in[1]); },
            .reference = [](const auto& in) { return multiply_nt(in[0], in[1], 6, 4, 10); }});
}

TEST_P(LowRank, ShrinkOfSomeRows) {
  check_op({.inputs = {{{6, 10}}, {{4, 10}}},
            .op =
                [](Context& c, auto& in) {
                  return shrink(c, in[0], in[1], {2, 3});
                },
            .reference =
                [](const auto& in) {
                  return multiply_nt(DoubleVector(in[0].begin() + 20, in[0].begin() + 50), in[1], 3, 4, 10);
                }});
}

TEST_P(LowRank, ShrinkWithDropout) {
  const RowDropout drop = dropout(6);
  check_op(
      {.inputs = {{{6, 10}}, {{4, 10}}},
       .op = [&](Context& c, auto& in) { return shrink(c, in[0], in[1], {}, drop); },
       .reference =
           [&](const auto& in) { return multiply_nt(dropped(in[0], 10, drop.options), in[1], 6, 4, 10); }});
  check_op({.inputs = {{{6, 10}}, {{4, 10}}},
            .op =
                [&](Context& c, auto& in) {
                  return shrink(c, in[0], in[1], {1, 4}, drop);
                },
            .reference =
                [&](const auto& in) {
                  const DoubleVector x = dropped(in[0], 10, drop.options);
                  return multiply_nt(DoubleVector(x.begin() + 10, x.begin() + 50), in[1], 4, 4, 10);
                }});
}

TEST_P(LowRank, ExpandAdd) {
  check_op({.inputs = {{{6, 8}}, {{6, 3}}, {{8, 3}}},
            .op = [](Context& c, auto& in) { return expand_add(c, std::move(in[0]), in[1], in[2], 0.75f); },
            .reference =
                [](const auto& in) {
                  DoubleVector y = multiply_nt(in[1], in[2], 6, 8, 3);
                  for (size_t i = 0; i < y.size(); ++i) y[i] = in[0][i] + 0.75 * y[i];
                  return y;
                }});
}

// h has the columns of three adapters, y those of two layers; only rows 1 to 4 are adapted.
TEST_P(LowRank, ExpandAddIntoStackedBuffers) {
  check_op({.inputs = {{{6, 8}}, {{4, 9}}, {{5, 3}}},
            .op =
                [](Context& c, auto& in) {
                  return expand_add(c, std::move(in[0]), in[1], in[2], 2.0f,
                                    {.h_begin = 3, .y_begin = 2, .first_row = 1});
                },
            .reference =
                [](const auto& in) {
                  DoubleVector y = in[0];
                  for (size_t i = 0; i < 4; ++i)
                    for (size_t j = 0; j < 5; ++j)
                      for (size_t k = 0; k < 3; ++k)
                        y[(i + 1) * 8 + j + 2] += 2 * in[1][i * 9 + 3 + k] * in[2][j * 3 + k];
                  return y;
                }});
}

// The whole of LoRA on three layers that share their input: one shrink, x read four times.
TEST_P(LowRank, SharedInput) {
  check_op({.inputs = {{{6, 10}}, {{9, 10}}, {{7, 3}}, {{5, 3}}, {{5, 3}}, {{7, 10}}, {{5, 10}}, {{5, 10}}},
            .op =
                [](Context& c, auto& in) {
                  const Tensor h = shrink(c, in[0], in[1]);
                  Tensor total;
                  for (int64_t i = 0; i < 3; ++i) {
                    Tensor y = linear(c, in[0], in[static_cast<size_t>(5 + i)]);
                    y = expand_add(c, std::move(y), h, in[static_cast<size_t>(2 + i)], 0.5f,
                                   {.h_begin = 3 * i});
                    const Tensor squared = sum(c, multiply(c, y, y));
                    total = i == 0 ? squared : add(c, std::move(total), squared);
                  }
                  return total;
                },
            .reference =
                [](const auto& in) {
                  const DoubleVector h = multiply_nt(in[0], in[1], 6, 9, 10);
                  double total = 0;
                  for (size_t l = 0; l < 3; ++l) {
                    const size_t out = l == 0 ? 7 : 5;
                    const DoubleVector y = multiply_nt(in[0], in[5 + l], 6, out, 10);
                    for (size_t i = 0; i < 6; ++i)
                      for (size_t j = 0; j < out; ++j) {
                        double value = y[i * out + j];
                        for (size_t k = 0; k < 3; ++k)
                          value += 0.5 * h[i * 9 + 3 * l + k] * in[2 + l][j * 3 + k];
                        total += value * value;
                      }
                  }
                  return DoubleVector{total};
                }});
}

TEST_P(LowRank, ExpandAddWorksInPlaceOnlyOnItsOwnBuffer) {
  const Tensor h = random_tensor({6, 3}), b = random_tensor({8, 3});
  Tensor y = random_tensor({6, 8});
  const std::vector<float> before = context->to_host(y);
  const Storage* buffer = y.storage().get();

  const Tensor copied = expand_add(*context, y, h, b, 1.0f);  // y is still held here
  EXPECT_NE(copied.storage().get(), buffer);
  EXPECT_EQ(context->to_host(y), before);

  const Tensor moved = expand_add(*context, std::move(y), h, b, 1.0f);
  EXPECT_EQ(moved.storage().get(), buffer);
  EXPECT_EQ(context->to_host(moved), context->to_host(copied));
}

// With a frozen base the update keeps x once, whatever number of layers reads it, and h.
TEST_P(LowRank, KeepsInputAndNarrowProduct) {
  Tape tape;
  const TapeScope scope(*context, &tape);
  const Tensor weight = random_tensor({64, 64});
  const Tensor a = random_leaf({16, 64}), b = random_leaf({64, 16});
  const Tensor x = random_tensor({64, 64});
  const int64_t before = context->pool().statistics().used;
  Tensor y = linear(*context, x, weight);
  y = expand_add(*context, std::move(y), shrink(*context, x, a), b, 1.0f);
  EXPECT_EQ(context->pool().statistics().used - before, 64 * 64 * 4 + 64 * 16 * 4);
}

TEST_P(LowRank, Errors) {
  const Tensor x = random_tensor({6, 10}), a = random_tensor({4, 9});
  EXPECT_THROW(shrink(*context, x, a), Error);
  EXPECT_THROW(shrink(*context, x, random_tensor({4, 10}), {4, 3}), Error);
  EXPECT_THROW(
      expand_add(*context, random_tensor({6, 8}), random_tensor({6, 3}), random_tensor({8, 4}), 1.0f), Error);
  EXPECT_THROW(
      expand_add(*context, random_tensor({6, 8}), random_tensor({7, 3}), random_tensor({8, 3}), 1.0f), Error);
  EXPECT_THROW(expand_add(*context, random_tensor({6, 8}), random_tensor({6, 3}), random_tensor({8, 3}), 1.0f,
                          {.y_begin = 1}),
               Error);
}

// Rows with updates of their own: other ranks, members left out, rows without any, ranges of none, one and many rows;
// long and short rows of A, 16 bytes apart or not.
TEST_P(LowRank, UpdatesOfRows) {
  struct Case {
    int64_t in, out0, out1;
  };
  for (const auto [in, out0, out1] : {Case{200, 70, 300}, Case{131, 33, 7}, Case{24, 8, 5}}) {
    const std::vector<int64_t> ranks = {4, 3, 9, 16}, rows = {2, 1, 0, 5};
    const int64_t tokens = 10;  // row 3 and the last ones have no update
    const std::vector<int64_t> first = {0, 2, 3, 4};
    std::vector<LowRankUpdate> updates(ranks.size());
    for (size_t u = 0; u < ranks.size(); ++u) {
      updates[u].a = random_tensor({2 * ranks[u], in});
      updates[u].parts.push_back({0, random_tensor({out0, ranks[u]}), 0.5f + static_cast<float>(u), 0});
      if (u != 1) updates[u].parts.push_back({1, random_tensor({out1, ranks[u]}), -1.25f, ranks[u]});
    }
    std::vector<RowsUpdate> which;
    for (size_t u = 0; u < updates.size(); ++u) which.push_back({&updates[u], first[u], rows[u]});

    for (const DType type : {DType::f32, DType::bf16}) {
      if (type == DType::bf16 && !context->backend().bfloat16_activations()) continue;
      Tensor x = to_dtype(*context, random_tensor({tokens, in}), type);
      std::vector<Tensor> outputs = {to_dtype(*context, random_tensor({tokens, out0}), type),
                                     to_dtype(*context, random_tensor({tokens, out1}), type)};
      const auto values = [&](const Tensor& t) { return context->to_host(to_dtype(*context, t, DType::f32)); };
      const std::vector<float> xs = values(x), before[] = {values(outputs[0]), values(outputs[1])};
      add_row_updates(*context, x, which, outputs);
      for (size_t m = 0; m < 2; ++m) {
        const int64_t out = m == 0 ? out0 : out1;
        std::vector<double> expected(before[m].begin(), before[m].end()), size(expected.size(), 0.0);
        for (size_t u = 0; u < updates.size(); ++u) {
          const std::vector<float> a = context->to_host(updates[u].a);
          for (const LowRankUpdate::Part& part : updates[u].parts) {
            if (part.member != static_cast<int>(m)) continue;
            const std::vector<float> b = context->to_host(part.b);
            for (int64_t r = first[u]; r < first[u] + rows[u]; ++r)
              for (int64_t k = 0; k < ranks[u]; ++k) {
                double h = 0, h_size = 0;
                for (int64_t c = 0; c < in; ++c) {
                  const double term = static_cast<double>(xs[static_cast<size_t>(r * in + c)]) *
                                      a[static_cast<size_t>((part.h_begin + k) * in + c)];
                  h += term, h_size += std::abs(term);
                }
                for (int64_t j = 0; j < out; ++j) {
                  const double factor = part.scale * static_cast<double>(b[static_cast<size_t>(j * ranks[u] + k)]);
                  expected[static_cast<size_t>(r * out + j)] += factor * h;
                  size[static_cast<size_t>(r * out + j)] += std::abs(factor) * h_size;
                }
              }
          }
        }
        const std::vector<float> found = values(outputs[m]);
        for (size_t i = 0; i < found.size(); ++i) {
          // f32 sums of at most 200 terms in a few dozen partial sums; bf16 rounds the result once.
          const double tolerance =
              40 * 0x1.0p-24 * size[i] + (type == DType::bf16 ? 0x1.02p-8 : 0x1.0p-23) * std::abs(expected[i]);
          ASSERT_NEAR(found[i], expected[i], tolerance) << "member " << m << " element " << i << " in " << in;
        }
      }
    }
  }
}

TEST_P(LowRank, UpdatesOfRowsAreChecked) {
  LowRankUpdate update{random_tensor({4, 8}), {{0, random_tensor({6, 4}), 1.0f, 0}}};
  std::vector<Tensor> outputs = {random_tensor({5, 6})};
  const auto call = [&](std::vector<RowsUpdate> rows, Tensor x) { add_row_updates(*context, x, rows, outputs); };
  const Tensor x = random_tensor({5, 8});
  EXPECT_ERROR(Code::invalid_argument, "row 1 is in two updates", call({{&update, 0, 2}, {&update, 1, 1}}, x));
  EXPECT_ERROR(Code::mismatch, "rows 3 to 6 of 5", call({{&update, 3, 3}}, x));
  EXPECT_ERROR(Code::mismatch, "columns of a", call({{&update, 0, 1}}, random_tensor({5, 7})));
  update.parts[0].h_begin = 1;
  EXPECT_ERROR(Code::mismatch, "rows of a 1 to 5 of 4", call({{&update, 0, 1}}, x));
  update.parts[0].member = 1;
  EXPECT_ERROR(Code::mismatch, "member 1 of 1", call({{&update, 0, 1}}, x));
}

}  // namespace
}  // namespace peft
