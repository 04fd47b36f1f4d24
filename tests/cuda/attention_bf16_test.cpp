#include "cuda/attention_bf16_reference.h"

namespace peft {
namespace {

using testing::AttentionProblem;

constexpr uint16_t nan_bits = 0x7fc0, untouched_bits = 0x42c6;  // 99
constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();
// As with f32 operands: the log-sum-exp is made of exact products of bf16.
constexpr double lse_bound = 4e-6;

HalfMatrix to_device(Context& context, const testing::Floats32& from, Placement place = {}) {
  HalfMatrix result(context, from.rows(), from.columns(), place);
  for (int64_t r = 0; r < from.rows(); ++r)
    for (int64_t c = 0; c < from.columns(); ++c) result.at(r, c) = float_to_bfloat16(from.at(r, c));
  return result;
}
IndexMatrix to_device(Context& context, const testing::Ints32& from) {
  IndexMatrix result(context, from.rows(), from.columns());
  for (int64_t r = 0; r < from.rows(); ++r)
    for (int64_t c = 0; c < from.columns(); ++c) result.at(r, c) = from.at(r, c);
  return result;
}

struct Bf16Problem : AttentionProblem {
  Bf16Problem(int32_t heads, int32_t kv_heads, int32_t head_dim, int64_t queries, int64_t keys,
              const std::vector<AttentionSegment>& list)
      : AttentionProblem(heads, kv_heads, head_dim, queries, keys, list) {
    for (testing::Floats32* values : {&q, &k, &v, &dout}) round_to_bfloat16(*values);
  }
};

struct Forward {
  HalfMatrix out;
  FloatMatrix lse;
};
struct Gradients {
  HalfMatrix dq, dk, dv;
};

class Bf16AttentionKernel : public DeviceTest {
 protected:
  void SetUp() override {
    if (GetParam() == "cpu") GTEST_SKIP() << "the CPU's attention is of f32";
    DeviceTest::SetUp();
  }

  // Scratch of just the size that was asked for; nothing may be read of it that was not written.
  FloatMatrix scratch_of(int64_t bytes) {
    EXPECT_EQ(bytes % 4, 0);
    FloatMatrix scratch(*context, 1, bytes / 4);
    scratch.fill(not_a_number);
    return scratch;
  }

  Forward forward(Bf16Problem& problem, Placement place, bool with_lse = true) {
    Forward result{HalfMatrix(*context, problem.q.rows(), problem.q.columns(), place),
                   FloatMatrix(*context, problem.q.rows(), problem.options.heads, {1, 0})};
    result.out.fill(untouched_bits);
    result.lse.fill(99);
    HalfMatrix q = to_device(*context, problem.q, place), k = to_device(*context, problem.k, place),
               v = to_device(*context, problem.v, place);
    IndexMatrix segments = to_device(*context, problem.segments);
    Backend& backend = context->backend();
    FloatMatrix scratch =
        scratch_of(backend.attention_scratch(problem.options, q.view().shape, k.view().shape, DType::bf16));
    backend.attention(problem.options, q.view(), k.view(), v.view(), segments.view(), result.out.view(),
                      with_lse ? result.lse.view() : View(), scratch.view());
    backend.synchronize();
    EXPECT_TRUE(scratch.guards_intact());
    EXPECT_TRUE(result.out.guards_intact());
    EXPECT_TRUE(result.lse.guards_intact());
    return result;
  }

  Gradients backward(Bf16Problem& problem, const BoundedAttention& expected, Placement place) {
    Gradients result{HalfMatrix(*context, problem.q.rows(), problem.q.columns(), place),
                     HalfMatrix(*context, problem.k.rows(), problem.k.columns(), place),
                     HalfMatrix(*context, problem.k.rows(), problem.k.columns(), place)};
    for (HalfMatrix* gradient : {&result.dq, &result.dk, &result.dv}) gradient->fill(untouched_bits);
    HalfMatrix q = to_device(*context, problem.q, place), k = to_device(*context, problem.k, place),
               v = to_device(*context, problem.v, place), dout = to_device(*context, problem.dout, place),
               out = to_device(*context, expected.rounded_out, place);
    FloatMatrix lse(*context, problem.q.rows(), problem.options.heads, {1, 0});
    for (int64_t r = 0; r < lse.rows(); ++r)
      for (int64_t h = 0; h < lse.columns(); ++h) lse.at(r, h) = expected.rounded_lse.at(r, h);
    IndexMatrix segments = to_device(*context, problem.segments);
    Backend& backend = context->backend();
    FloatMatrix scratch = scratch_of(
        backend.attention_backward_scratch(problem.options, q.view().shape, k.view().shape, DType::bf16));
    backend.attention_backward(problem.options, q.view(), k.view(), v.view(), segments.view(), out.view(),
                               lse.view(), dout.view(), result.dq.view(), result.dk.view(), result.dv.view(),
                               scratch.view());
    backend.synchronize();
    EXPECT_TRUE(scratch.guards_intact());
    EXPECT_TRUE(result.dq.guards_intact());
    EXPECT_TRUE(result.dk.guards_intact());
    EXPECT_TRUE(result.dv.guards_intact());
    return result;
  }

  void expect_forward(Bf16Problem& problem, const BoundedAttention& expected, Placement place = {}) {
    const Forward result = forward(problem, place);
    EXPECT_TRUE(expected.out.near(result.out));
    testing::Floats32 lse(result.lse.rows(), result.lse.columns());
    for (int64_t r = 0; r < lse.rows(); ++r)
      for (int64_t h = 0; h < lse.columns(); ++h) lse.at(r, h) = result.lse.at(r, h);
    EXPECT_LT(testing::worst_error(lse, expected.lse), lse_bound);
  }
  void expect_matches_reference(Bf16Problem& problem, Placement place = {}) {
    const BoundedAttention expected(problem);
    expect_forward(problem, expected, place);
    const Gradients gradients = backward(problem, expected, place);
    EXPECT_TRUE(expected.dq.near(gradients.dq)) << "dq";
    EXPECT_TRUE(expected.dk.near(gradients.dk)) << "dk";
    EXPECT_TRUE(expected.dv.near(gradients.dv)) << "dv";
  }
};
INSTANTIATE_TEST_SUITE_P(Devices, Bf16AttentionKernel, every_device());

// 16 bytes are 8 elements: rows and heads that begin at multiples of that, and others.
constexpr Placement bf16_placements[] = {{0, 0}, {8, 8}, {3, 1}, {0, 4}};

TEST_P(Bf16AttentionKernel, HeadSizesAndGroups) {
  const int32_t shapes[][3] = {{8, 1, 64}, {4, 4, 32}, {2, 1, 80}, {2, 2, 96}, {4, 1, 128},
                               {1, 1, 256}, {3, 1, 3}, {2, 1, 67}, {1, 1, 190}};
  size_t index = 0;
  for (const auto& [heads, kv_heads, head_dim] : shapes) {
    for (const Placement place : {bf16_placements[0], bf16_placements[1 + index++ % 3]}) {
      SCOPED_TRACE(::testing::Message() << heads << " " << kv_heads << " " << head_dim << " gap " << place.gap);
      Bf16Problem problem(heads, kv_heads, head_dim, 110, 110, {{0, 70, 0, 70}, {70, 1, 70, 1}, {71, 39, 71, 39}});
      expect_matches_reference(problem, place);
    }
  }
}

TEST_P(Bf16AttentionKernel, LengthsAroundTheTiles) {
  for (const int32_t length : {1, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 200}) {
    for (const int32_t head_dim : {16, 128}) {  // tiles of different heights
      if (head_dim == 128 && length % 64 > 1 && length != 33) continue;
      SCOPED_TRACE(::testing::Message() << length << " " << head_dim);
      Bf16Problem problem(1, 1, head_dim, length, length, {{0, length, 0, length}});
      expect_matches_reference(problem, bf16_placements[length % 4]);
    }
  }
}

TEST_P(Bf16AttentionKernel, WindowsMasksAndPrefixes) {
  for (const bool causal : {true, false}) {
    for (const int32_t window : {0, 1, 64, 100, std::numeric_limits<int32_t>::max()}) {
      for (const int32_t prefix : {0, 3, 131}) {
        SCOPED_TRACE(::testing::Message() << causal << " " << window << " " << prefix);
        Bf16Problem problem(1, 1, 24, 100, 100 + prefix + 9, {{2, 90, 4, 90 + prefix}, {92, 3, 94 + prefix, 12}});
        problem.options.causal = causal;
        problem.options.window = window;
        expect_matches_reference(problem);
      }
    }
  }
}

TEST_P(Bf16AttentionKernel, WindowsOfWideHeads) {
  for (const int32_t head_dim : {96, 128, 256}) {
    SCOPED_TRACE(head_dim);
    Bf16Problem problem(1, 1, head_dim, 150, 190, {{0, 140, 3, 180}});
    problem.options.window = 50;
    expect_matches_reference(problem);
  }
}

TEST_P(Bf16AttentionKernel, QueriesBeforeTheFirstKeySeeNothing) {
  Bf16Problem problem(2, 2, 8, 90, 12, {{0, 90, 0, 12}});
  expect_matches_reference(problem);  // queries 0..77 stand at positions -78..-1
  Bf16Problem few(2, 2, 8, 6, 2, {{0, 6, 0, 2}});
  expect_matches_reference(few);
  Bf16Problem none(2, 2, 8, 20, 1, {{0, 20, 0, 0}});
  expect_matches_reference(none);
}

TEST_P(Bf16AttentionKernel, TokensOutsideSegmentsGiveZero) {
  for (const int64_t tokens : {8, 30}) {  // both kinds of kernel
    SCOPED_TRACE(tokens);
    Bf16Problem problem(2, 1, 8, tokens, tokens, {{6, 1, 6, 1}, {3, 2, 2, 3}});
    const BoundedAttention expected(problem);
    const Forward result = forward(problem, {});
    const Gradients gradients = backward(problem, expected, {});
    EXPECT_TRUE(expected.out.near(result.out));
    for (const int64_t row : {int64_t{0}, tokens - 1}) {
      for (int64_t c = 0; c < 16; ++c) {
        EXPECT_EQ(result.out.at(row, c), 0);
        EXPECT_EQ(gradients.dq.at(row, c), 0);
        EXPECT_EQ(gradients.dk.at(row, c / 2), 0);
        EXPECT_EQ(gradients.dv.at(row, c / 2), 0);
      }
    }
    Bf16Problem nothing(2, 1, 8, tokens, tokens, {});
    expect_matches_reference(nothing);
  }
}

TEST_P(Bf16AttentionKernel, ManySegments) {
  std::vector<AttentionSegment> list;
  int32_t token = 0;
  for (int32_t s = 0; s < 45; ++s) {
    const int32_t length = s % 7 == 3 ? 0 : s % 9 + (s == 40 ? 70 : 0);
    list.push_back({token, length, token, length});
    token += length + s % 2;
  }
  Bf16Problem problem(1, 1, 12, token, token, list);
  expect_matches_reference(problem);
}

// The more keys there are, the fewer blocks share a group's heads: one here, four, all eight.
TEST_P(Bf16AttentionKernel, PartsOfAGroup) {
  for (const int64_t tiles : {512, 128, 2}) {
    SCOPED_TRACE(tiles);
    Bf16Problem problem(8, 1, 8, 20, tiles * 64, {{0, 20, 7, 25}});
    expect_matches_reference(problem);
  }
}

TEST_P(Bf16AttentionKernel, ScalesOfEverySign) {
  for (const float scale : {0.0f, -0.25f}) {
    for (const int32_t queries : {5, 40}) {
      SCOPED_TRACE(::testing::Message() << scale << " " << queries);
      Bf16Problem problem(1, 1, 16, queries, 40, {{0, queries, 0, 40}});
      problem.options.scale = scale;
      expect_matches_reference(problem);
    }
  }
}

TEST_P(Bf16AttentionKernel, LargeScoresDoNotOverflow) {
  Bf16Problem problem(1, 1, 64, 100, 100, {{0, 100, 0, 100}});
  problem.q.randomize(8, 60);
  problem.k.randomize(9, 60);
  round_to_bfloat16(problem.q);
  round_to_bfloat16(problem.k);
  const BoundedAttention expected(problem);
  const Forward result = forward(problem, {});
  const Gradients gradients = backward(problem, expected, {});
  for (int64_t r = 0; r < 100; ++r) {
    // Scores near 3,000 with an error of some 1e-7 of the summed magnitudes.
    EXPECT_NEAR(result.lse.at(r, 0), expected.lse[static_cast<size_t>(r)], 4e-3);
    for (int64_t c = 0; c < 64; ++c) {
      ASSERT_TRUE(std::isfinite(bfloat16_to_float(result.out.at(r, c))));
      ASSERT_TRUE(std::isfinite(bfloat16_to_float(gradients.dq.at(r, c))));
      ASSERT_TRUE(std::isfinite(bfloat16_to_float(gradients.dk.at(r, c))));
    }
  }
}

TEST_P(Bf16AttentionKernel, FewQueriesAgainstManyKeys) {
  const int32_t shapes[][3] = {{9, 3, 64}, {4, 1, 20}, {10, 1, 72}, {1, 1, 250}, {8, 1, 128}};
  for (const auto& [heads, kv_heads, head_dim] : shapes) {
    for (const int32_t queries : {1, 7}) {
      for (const int32_t window : {0, 300}) {
        SCOPED_TRACE(::testing::Message() << heads << " " << head_dim << " " << queries << " " << window);
        Bf16Problem problem(heads, kv_heads, head_dim, queries + 1, 700 + 40,
                            {{0, queries, 0, 700}, {queries, 1, 700, 40}});
        problem.options.window = window;
        expect_forward(problem, BoundedAttention(problem), bf16_placements[(queries + head_dim) % 4]);
        // The log-sum-exp is optional.
        EXPECT_EQ(forward(problem, {}, /*with_lse=*/false).lse.at(0, 0), 99);
      }
    }
  }
}

TEST_P(Bf16AttentionKernel, NanIsSeen) {
  for (const int32_t queries : {1, 40}) {
    Bf16Problem problem(1, 1, 16, queries, 40, {{0, queries, 0, 40}});
    problem.k.at(0, 3) = not_a_number;
    EXPECT_TRUE(std::isnan(bfloat16_to_float(forward(problem, {}).out.at(queries - 1, 0))));
  }
}

TEST_P(Bf16AttentionKernel, TwoRunsGiveTheSameBits) {
  Bf16Problem problem(4, 2, 32, 200, 240, {{0, 100, 0, 140}, {100, 99, 140, 99}, {199, 1, 239, 1}});
  const BoundedAttention expected(problem);
  EXPECT_TRUE(forward(problem, {}).out.same_bits(forward(problem, {}).out));
  const Gradients once = backward(problem, expected, {}), twice = backward(problem, expected, {});
  EXPECT_TRUE(once.dq.same_bits(twice.dq));
  EXPECT_TRUE(once.dk.same_bits(twice.dk));
  EXPECT_TRUE(once.dv.same_bits(twice.dv));
  Bf16Problem decode(6, 3, 64, 1, 1000, {{0, 1, 0, 1000}});
  EXPECT_TRUE(forward(decode, {}).out.same_bits(forward(decode, {}).out));
}

// As a cache does it: new tokens' keys and values are written, then attention is over all.
TEST_P(Bf16AttentionKernel, PagesHoldTheSameKeys) {
  for (const auto& [page_tokens, head_dim] : {std::pair{7, 20}, {16, 64}, {64, 5}}) {
    SCOPED_TRACE(::testing::Message() << page_tokens << " " << head_dim);
    // A prefill after a cached prefix, a decode step, a first token, a row that has nothing to do, a few queries.
    const std::vector<AttentionSegment> list = {
        {0, 90, 0, 137}, {90, 1, 137, 311}, {91, 1, 448, 1}, {92, 0, 449, 10}, {93, 8, 459, 80}};
    const auto rows = static_cast<int64_t>(list.size());
    Bf16Problem problem(4, 2, head_dim, 102, 539, list);  // token 92 is of no segment
    problem.options.window = head_dim == 5 ? 70 : 0;
    const int64_t kv_width = 2 * head_dim;
    const PageLayout layout{page_tokens, page_tokens * kv_width, 0};
    const int64_t page_elements = 2 * page_tokens * kv_width, pages = 560 / page_tokens + 6;
    HalfMatrix memory(*context, pages, page_elements);
    memory.fill(nan_bits);
    DeviceMatrix<int64_t> table(*context, rows, 320 / page_tokens + 1, {1, 0});
    const std::byte* base = memory.view().data;
    IndexMatrix all_rows(*context, rows, 4);  // as if all keys were of new tokens
    int64_t used = 0;
    for (int64_t s = 0; s < rows; ++s) {
      const AttentionSegment& segment = list[static_cast<size_t>(s)];
      for (int64_t p = 0; p * page_tokens < segment.key_count; ++p)
        table.at(s, p) = reinterpret_cast<int64_t>(base + (pages - 1 - used++) * page_elements * 2);
      all_rows.at(s, 0) = segment.key_begin;
      all_rows.at(s, 1) = all_rows.at(s, 3) = segment.key_count;
    }
    Backend& backend = context->backend();
    HalfMatrix q = to_device(*context, problem.q, {8, 0}), out(*context, 102, q.columns(), {2, 0});
    HalfMatrix k = to_device(*context, problem.k, {3, 0}), v = to_device(*context, problem.v, {8, 0});
    IndexMatrix segments = to_device(*context, problem.segments);
    backend.write_pages(layout, k.view(), v.view(), table.view(), all_rows.view());
    FloatMatrix scratch =
        scratch_of(backend.attention_paged_scratch(problem.options, q.view().shape, 311, DType::bf16));
    out.fill(untouched_bits);
    backend.attention_paged(problem.options, layout, q.view(), table.view(), segments.view(), out.view(),
                            scratch.view());
    backend.synchronize();
    EXPECT_TRUE(BoundedAttention(problem).out.near(out));
    EXPECT_TRUE(out.guards_intact());
    EXPECT_TRUE(scratch.guards_intact());
    EXPECT_TRUE(memory.guards_intact());
  }
}

}  // namespace
}  // namespace peft
