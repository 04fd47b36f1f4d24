#include "attention_reference.h"

namespace peft::testing {
namespace {

struct Forward {
  Floats32 out, lse;
};

Forward run_forward(CpuBackend& backend, AttentionProblem& problem) {
  Forward result{Floats32(problem.q.rows(), problem.q.columns(), 7),
                 Floats32(problem.q.rows(), problem.options.heads, 1)};
  result.out.fill(99);
  result.lse.fill(99);
  const int64_t bytes =
      backend.attention_scratch(problem.options, problem.q.view().shape, problem.k.view().shape, DType::f32);
  Floats32 scratch(1, bytes / 4);
  scratch.fill(std::numeric_limits<float>::quiet_NaN());  // nothing may be read that was not written
  backend.attention(problem.options, problem.q.view(), problem.k.view(), problem.v.view(),
                    problem.segments.view(), result.out.view(), result.lse.view(), scratch.view());
  EXPECT_TRUE(scratch.guards_intact());
  EXPECT_TRUE(result.out.guards_intact() && result.lse.guards_intact());
  return result;
}

struct Gradients {
  Floats32 dq, dk, dv;
};

Gradients run_backward(CpuBackend& backend, AttentionProblem& problem, Forward& forward) {
  Gradients result{Floats32(problem.q.rows(), problem.q.columns(), 1),
                   Floats32(problem.k.rows(), problem.k.columns(), 2),
                   Floats32(problem.k.rows(), problem.k.columns(), 3)};
  result.dq.fill(99);
  result.dk.fill(99);
  result.dv.fill(99);
  const int64_t bytes =
      backend.attention_backward_scratch(problem.options, problem.q.view().shape, problem.k.view().shape, DType::f32);
  Floats32 scratch(1, bytes / 4);
  scratch.fill(std::numeric_limits<float>::quiet_NaN());
  backend.attention_backward(problem.options, problem.q.view(), problem.k.view(), problem.v.view(),
                             problem.segments.view(), forward.out.view(), forward.lse.view(),
                             problem.dout.view(), result.dq.view(), result.dk.view(), result.dv.view(),
                             scratch.view());
  EXPECT_TRUE(scratch.guards_intact());
  EXPECT_TRUE(result.dq.guards_intact() && result.dk.guards_intact() && result.dv.guards_intact());
  return result;
}

// Scores near 10 carry errors of 64 products and exp: a few 1e-6 of the largest value.
constexpr double forward_bound = 4e-6, backward_bound = 8e-6;

void expect_matches_reference(AttentionProblem& problem) {
  CpuBackend backend(nullptr, 2);
  const AttentionResult expected = reference_attention(problem);
  Forward forward = run_forward(backend, problem);
  EXPECT_LT(worst_error(forward.out, expected.out), forward_bound);
  EXPECT_LT(worst_error(forward.lse, expected.lse), forward_bound);
  const Gradients gradients = run_backward(backend, problem, forward);
  EXPECT_LT(worst_error(gradients.dq, expected.dq), backward_bound);
  EXPECT_LT(worst_error(gradients.dk, expected.dk), backward_bound);
  EXPECT_LT(worst_error(gradients.dv, expected.dv), backward_bound);
}

TEST(Attention, ReferenceGradientIsTheDerivative) {
  AttentionProblem problem(2, 1, 5, 4, 6, {{0, 4, 0, 6}});
  const AttentionResult at = reference_attention(problem);
  const auto loss = [&] {
    const AttentionResult result = reference_attention(problem);
    double sum = 0;
    for (int64_t r = 0; r < problem.q.rows(); ++r)
      for (int64_t c = 0; c < problem.q.columns(); ++c)
        sum += result.out[static_cast<size_t>(r * problem.q.columns() + c)] *
               static_cast<double>(problem.dout.at(r, c));
    return sum;
  };
  const auto check = [&](Floats32& input, const std::vector<double>& gradient) {
    for (int64_t r = 0; r < input.rows(); ++r)
      for (int64_t c = 0; c < input.columns(); ++c) {
        const float value = input.at(r, c), h = 0x1.0p-9f;
        input.at(r, c) = value + h;
        const double above = loss(), high = static_cast<double>(input.at(r, c));
        input.at(r, c) = value - h;
        const double below = loss(), low = static_cast<double>(input.at(r, c));
        input.at(r, c) = value;
        EXPECT_NEAR((above - below) / (high - low), gradient[static_cast<size_t>(r * input.columns() + c)],
                    1e-4);
      }
  };
  check(problem.q, at.dq);
  check(problem.k, at.dk);
  check(problem.v, at.dv);
}

TEST(Attention, HeadSizesAndGroups) {
  on_every_instruction_set([] {
    const int32_t shapes[][3] = {{9, 3, 64},  {4, 4, 20},  {2, 1, 80}, {6, 1, 128},
                                 {1, 1, 256}, {16, 16, 3}, {8, 8, 16}, {18, 1, 8}};
    for (const auto& [heads, kv_heads, head_dim] : shapes) {
      SCOPED_TRACE(::testing::Message() << heads << " " << kv_heads << " " << head_dim);
      AttentionProblem problem(heads, kv_heads, head_dim, 150, 150,
                               {{0, 70, 0, 70}, {70, 1, 70, 1}, {71, 79, 71, 79}});
      expect_matches_reference(problem);
    }
  });
}

TEST(Attention, LengthsAroundTheTiles) {
  on_every_instruction_set([] {
    for (const int32_t length : {1, 2, 4, 5, 6, 7, 63, 64, 65, 127, 128, 129, 200}) {
      SCOPED_TRACE(length);
      AttentionProblem problem(3, 1, 16, length, length, {{0, length, 0, length}});
      expect_matches_reference(problem);
    }
  });
}

TEST(Attention, WindowsMasksAndPrefixes) {
  on_every_instruction_set([] {
    for (const bool causal : {true, false}) {
      for (const int32_t window : {0, 1, 5, 64, 100}) {
        for (const int32_t prefix : {0, 3, 64, 131}) {
          SCOPED_TRACE(::testing::Message() << causal << " " << window << " " << prefix);
          AttentionProblem problem(2, 1, 24, 100, 100 + prefix + 9,
                                   {{2, 90, 4, 90 + prefix}, {92, 3, 94 + prefix, 12}});
          problem.options.causal = causal;
          problem.options.window = window;
          expect_matches_reference(problem);
        }
      }
    }
  });
}

TEST(Attention, QueriesBeforeTheFirstKeySeeNothing) {
  AttentionProblem problem(2, 2, 8, 20, 12, {{0, 20, 0, 12}});
  expect_matches_reference(problem);  // queries 0..7 stand at positions -8..-1
  AttentionProblem none(2, 2, 8, 3, 1, {{0, 3, 0, 0}});
  expect_matches_reference(none);
}

TEST(Attention, TokensOutsideSegmentsGiveZero) {
  AttentionProblem problem(2, 1, 8, 30, 30, {{20, 5, 20, 5}, {3, 10, 3, 10}});
  expect_matches_reference(problem);
  CpuBackend backend(nullptr, 2);
  const Forward forward = run_forward(backend, problem);
  EXPECT_EQ(forward.out.at(0, 0), 0);
  EXPECT_EQ(forward.out.at(29, 15), 0);
}

TEST(Attention, LargeScoresDoNotOverflow) {
  on_every_instruction_set([] {
    AttentionProblem problem(1, 1, 64, 100, 100, {{0, 100, 0, 100}});
    problem.q.randomize(8, 60);
    problem.k.randomize(9, 60);
    CpuBackend backend(nullptr, 1);
    const AttentionResult expected = reference_attention(problem);
    Forward forward = run_forward(backend, problem);
    // scores near 3,000 with an error of some 1e-7 of the summed magnitudes: 1e-3 in the exponent
    EXPECT_LT(worst_error(forward.out, expected.out), 4e-3);
    EXPECT_LT(worst_error(forward.lse, expected.lse), 1e-6);
    const Gradients gradients = run_backward(backend, problem, forward);
    for (int64_t r = 0; r < 100; ++r) ASSERT_TRUE(std::isfinite(gradients.dq.at(r, 0)));
  });
}

TEST(Attention, FewQueriesAgainstManyKeys) {
  on_every_instruction_set([] {
    for (const int32_t queries : {1, 2, 4}) {
      for (const int32_t window : {0, 600}) {
        SCOPED_TRACE(::testing::Message() << queries << " " << window);
        AttentionProblem problem(9, 3, 64, queries + 1, 1500 + 40,
                                 {{0, queries, 0, 1500}, {queries, 1, 1500, 40}});
        problem.options.window = window;
        const AttentionResult expected = reference_attention(problem);
        CpuBackend backend(nullptr, 2);
        const Forward forward = run_forward(backend, problem);
        EXPECT_LT(worst_error(forward.out, expected.out), forward_bound);
        EXPECT_LT(worst_error(forward.lse, expected.lse), forward_bound);
      }
    }
  });
}

TEST(Attention, PagesHoldTheSameKeys) {
  on_every_instruction_set([] {
    const int64_t page_tokens = 16, kv_width = 2 * 20, layers = 2, pages = 60;
    // Segment 0 is a prefill after a cached prefix, 1 a decode step, 2 a first token.
    const std::vector<AttentionSegment> list = {{0, 90, 0, 137}, {90, 1, 137, 611}, {91, 1, 748, 1}};
    AttentionProblem problem(6, 2, 20, 92, 749, list);
    PageLayout layout;
    layout.page_tokens = page_tokens;
    layout.key_offset = 2 * page_tokens * kv_width;  // the second layer
    layout.value_offset = 3 * page_tokens * kv_width;
    Floats32 memory(pages, 2 * layers * page_tokens * kv_width);
    memory.fill(std::numeric_limits<float>::quiet_NaN());
    Grid<int64_t> table(3, 40, 1);
    int64_t used = 0;
    CpuBackend backend(nullptr, 2);
    for (int64_t s = 0; s < 3; ++s) {
      const AttentionSegment& segment = list[static_cast<size_t>(s)];
      const int64_t own = (segment.key_count + page_tokens - 1) / page_tokens;
      for (int64_t p = 0; p < own; ++p)
        table.at(s, p) = reinterpret_cast<int64_t>(&memory.at(pages - 1 - used++, 0));
    }
    // What is cached already, then the new tokens: rows of k and v that stand where the queries do.
    for (int64_t s = 0; s < 3; ++s) {
      const AttentionSegment& segment = list[static_cast<size_t>(s)];
      const int64_t cached = segment.key_count - segment.query_count;
      Ints32 row(1, 4);
      Grid<int64_t> own_pages(1, 40);
      for (int64_t p = 0; p < 40; ++p) own_pages.at(0, p) = table.at(s, p);
      const auto write = [&](int64_t first, int64_t count, int64_t total) {
        row.at(0, 0) = 0;
        row.at(0, 1) = static_cast<int32_t>(count);
        row.at(0, 3) = static_cast<int32_t>(total);
        backend.write_pages(layout, problem.k.view().row_range(segment.key_begin + first, count),
                            problem.v.view().row_range(segment.key_begin + first, count), own_pages.view(),
                            row.view());
      };
      write(0, cached, cached);
      write(cached, segment.query_count, segment.key_count);
    }
    const AttentionResult expected = reference_attention(problem);
    Floats32 out(92, 120, 2);
    const int64_t bytes = backend.attention_paged_scratch(problem.options, problem.q.view().shape, 640, DType::f32);
    Floats32 scratch(1, bytes / 4);
    backend.attention_paged(problem.options, layout, problem.q.view(), table.view(), problem.segments.view(),
                            out.view(), scratch.view());
    EXPECT_LT(worst_error(out, expected.out), forward_bound);
    EXPECT_TRUE(out.guards_intact());
    EXPECT_TRUE(scratch.guards_intact());
    EXPECT_TRUE(memory.guards_intact());
    // A decode step alone is split over its keys.
    Floats32 last(1, 120);
    Floats32 small_scratch(1, backend.attention_paged_scratch(problem.options, Shape{1, 120}, 611, DType::f32) / 4);
    Ints32 decode(1, 4);
    decode.at(0, 1) = 1;
    decode.at(0, 3) = 611;
    backend.attention_paged(problem.options, layout, problem.q.view().row_range(90, 1),
                            table.view().row_range(1, 1), decode.view(), last.view(), small_scratch.view());
    EXPECT_LT(worst_error(last, std::vector<double>(expected.out.begin() + 90 * 120,
                                                    expected.out.begin() + 91 * 120)),
              forward_bound);
    EXPECT_TRUE(small_scratch.guards_intact());
  });
}

TEST(Attention, NanIsSeen) {
  CpuBackend backend(nullptr, 1);
  for (const int32_t queries : {1, 40}) {
    AttentionProblem problem(1, 1, 16, queries, 40, {{0, queries, 0, 40}});
    problem.k.at(0, 3) = std::numeric_limits<float>::quiet_NaN();
    const Forward forward = run_forward(backend, problem);
    EXPECT_TRUE(std::isnan(forward.out.at(queries - 1, 0)));
  }
}

TEST(Attention, BitsDoNotDependOnThreads) {
  for (const int32_t kv_heads : {1, 3, 9}) {
    AttentionProblem problem(9, kv_heads, 32, 340, 400,
                             {{0, 140, 0, 200}, {140, 199, 200, 199}, {339, 1, 399, 1}});
    expect_independent_of_threads([&](CpuBackend& backend) { return run_forward(backend, problem).out; });
    expect_independent_of_threads([&](CpuBackend& backend) {
      Forward forward = run_forward(backend, problem);
      return run_backward(backend, problem, forward).dq;
    });
    expect_independent_of_threads([&](CpuBackend& backend) {
      Forward forward = run_forward(backend, problem);
      return run_backward(backend, problem, forward).dk;
    });
  }
  AttentionProblem decode(9, 3, 64, 1, 3000, {{0, 1, 0, 3000}});
  expect_independent_of_threads([&](CpuBackend& backend) { return run_forward(backend, decode).out; });
}

}  // namespace
}  // namespace peft::testing
