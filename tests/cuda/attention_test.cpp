#include <cmath>
#include <limits>
#include <vector>

#include "cuda/device_matrix.h"

// Behind the others: from here on `testing` is peft::testing inside of peft.
#include "cpu/attention_reference.h"

namespace peft {
namespace {

using testing::AttentionProblem;
using testing::AttentionResult;
using PointerMatrix = DeviceMatrix<int64_t>;

constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();
// Scores near 10 carry errors of up to 256 products and of exp: a few 1e-6 of the largest value.
constexpr double forward_bound = 4e-6, backward_bound = 8e-6;

template <typename T>
DeviceMatrix<T> to_device(Context& context, const testing::Grid<T>& from, Placement place = {}) {
  DeviceMatrix<T> result(context, from.rows(), from.columns(), place);
  for (int64_t r = 0; r < from.rows(); ++r)
    for (int64_t c = 0; c < from.columns(); ++c) result.at(r, c) = from.at(r, c);
  return result;
}

double worst_error(const FloatMatrix& found, const std::vector<double>& expected) {
  testing::Floats32 host(found.rows(), found.columns());
  for (int64_t r = 0; r < found.rows(); ++r)
    for (int64_t c = 0; c < found.columns(); ++c) host.at(r, c) = found.at(r, c);
  return testing::worst_error(host, expected);
}

struct Forward {
  FloatMatrix out, lse;
};
struct Gradients {
  FloatMatrix dq, dk, dv;
};

class AttentionKernel : public DeviceTest {
 protected:
  // Scratch of just the size that was asked for; nothing may be read of it that was not written.
  FloatMatrix scratch_of(int64_t bytes) {
    EXPECT_EQ(bytes % 4, 0);
    FloatMatrix scratch(*context, 1, bytes / 4);
    scratch.fill(not_a_number);
    return scratch;
  }

  Forward forward(AttentionProblem& problem, Placement place, bool with_lse = true) {
    Forward result{FloatMatrix(*context, problem.q.rows(), problem.q.columns(), place),
                   FloatMatrix(*context, problem.q.rows(), problem.options.heads, {1, 0})};
    result.out.fill(99);
    result.lse.fill(99);
    FloatMatrix q = to_device(*context, problem.q, place), k = to_device(*context, problem.k, place),
                v = to_device(*context, problem.v, place);
    IndexMatrix segments = to_device(*context, problem.segments);
    Backend& backend = context->backend();
    FloatMatrix scratch =
        scratch_of(backend.attention_scratch(problem.options, q.view().shape, k.view().shape, DType::f32));
    backend.attention(problem.options, q.view(), k.view(), v.view(), segments.view(), result.out.view(),
                      with_lse ? result.lse.view() : View(), scratch.view());
    backend.synchronize();
    EXPECT_TRUE(scratch.guards_intact());
    EXPECT_TRUE(result.out.guards_intact());
    EXPECT_TRUE(result.lse.guards_intact());
    return result;
  }

  Gradients backward(AttentionProblem& problem, Forward& forward, Placement place) {
    Gradients result{FloatMatrix(*context, problem.q.rows(), problem.q.columns(), place),
                     FloatMatrix(*context, problem.k.rows(), problem.k.columns(), place),
                     FloatMatrix(*context, problem.k.rows(), problem.k.columns(), place)};
    result.dq.fill(99);
    result.dk.fill(99);
    result.dv.fill(99);
    FloatMatrix q = to_device(*context, problem.q, place), k = to_device(*context, problem.k, place),
                v = to_device(*context, problem.v, place), dout = to_device(*context, problem.dout, place);
    IndexMatrix segments = to_device(*context, problem.segments);
    Backend& backend = context->backend();
    FloatMatrix scratch =
        scratch_of(backend.attention_backward_scratch(problem.options, q.view().shape, k.view().shape, DType::f32));
    backend.attention_backward(problem.options, q.view(), k.view(), v.view(), segments.view(),
                               forward.out.view(), forward.lse.view(), dout.view(), result.dq.view(),
                               result.dk.view(), result.dv.view(), scratch.view());
    backend.synchronize();
    EXPECT_TRUE(scratch.guards_intact());
    EXPECT_TRUE(result.dq.guards_intact());
    EXPECT_TRUE(result.dk.guards_intact());
    EXPECT_TRUE(result.dv.guards_intact());
    return result;
  }

  void expect_forward(AttentionProblem& problem, const AttentionResult& expected, Placement place = {}) {
    const Forward result = forward(problem, place);
    EXPECT_LT(worst_error(result.out, expected.out), forward_bound);
    EXPECT_LT(worst_error(result.lse, expected.lse), forward_bound);
  }
  void expect_matches_reference(AttentionProblem& problem, Placement place = {}) {
    const AttentionResult expected = testing::reference_attention(problem);
    expect_forward(problem, expected, place);
    Forward result = forward(problem, place);
    const Gradients gradients = backward(problem, result, place);
    EXPECT_LT(worst_error(gradients.dq, expected.dq), backward_bound);
    EXPECT_LT(worst_error(gradients.dk, expected.dk), backward_bound);
    EXPECT_LT(worst_error(gradients.dv, expected.dv), backward_bound);
  }
};
INSTANTIATE_TEST_SUITE_P(Devices, AttentionKernel, every_device());

TEST_P(AttentionKernel, HeadSizesAndGroups) {
  const int32_t shapes[][3] = {{9, 3, 64}, {4, 4, 20}, {2, 1, 80},  {6, 1, 128}, {1, 1, 256}, {5, 5, 3},
                               {2, 1, 67}, {18, 1, 8}, {2, 2, 190}, {2, 1, 255}, {2, 1, 1}};
  size_t index = 0;
  for (const auto& [heads, kv_heads, head_dim] : shapes) {
    SCOPED_TRACE(::testing::Message() << heads << " " << kv_heads << " " << head_dim);
    AttentionProblem problem(heads, kv_heads, head_dim, 110, 110,
                             {{0, 70, 0, 70}, {70, 1, 70, 1}, {71, 39, 71, 39}});
    expect_matches_reference(problem, placements[index++ % 4]);
  }
}

// The more keys there are, the fewer blocks share a group's heads: one here, four, all eight.
TEST_P(AttentionKernel, PartsOfAGroup) {
  for (const int64_t tiles : {512, 128, 2}) {
    SCOPED_TRACE(tiles);
    AttentionProblem problem(8, 1, 4, 34, tiles * 64, {{0, 34, 7, 40}});
    expect_matches_reference(problem);
  }
}

TEST_P(AttentionKernel, LengthsAroundTheTiles) {
  for (const int32_t length : {1, 2, 7, 8, 9, 31, 32, 33, 63, 64, 65, 127, 128, 129, 200}) {
    SCOPED_TRACE(length);
    AttentionProblem problem(3, 1, 16, length, length, {{0, length, 0, length}});
    expect_matches_reference(problem, placements[length % 4]);
  }
}

TEST_P(AttentionKernel, WindowsMasksAndPrefixes) {
  for (const bool causal : {true, false}) {
    for (const int32_t window : {0, 1, 5, 64, 100, std::numeric_limits<int32_t>::max()}) {
      for (const int32_t prefix : {0, 3, 131}) {
        SCOPED_TRACE(::testing::Message() << causal << " " << window << " " << prefix);
        AttentionProblem problem(2, 1, 24, 100, 100 + prefix + 9,
                                 {{2, 90, 4, 90 + prefix}, {92, 3, 94 + prefix, 12}});
        problem.options.causal = causal;
        problem.options.window = window;
        expect_matches_reference(problem);
      }
    }
  }
}

TEST_P(AttentionKernel, QueriesBeforeTheFirstKeySeeNothing) {
  AttentionProblem problem(2, 2, 8, 90, 12, {{0, 90, 0, 12}});
  expect_matches_reference(problem);  // queries 0..77 stand at positions -78..-1
  AttentionProblem few(2, 2, 8, 6, 2, {{0, 6, 0, 2}});
  expect_matches_reference(few);
  AttentionProblem none(2, 2, 8, 3, 1, {{0, 3, 0, 0}});
  expect_matches_reference(none);
}

TEST_P(AttentionKernel, TokensOutsideSegmentsGiveZero) {
  for (const int64_t tokens : {8, 30}) {  // both kinds of kernel
    SCOPED_TRACE(tokens);
    AttentionProblem problem(2, 1, 8, tokens, tokens, {{6, 1, 6, 1}, {3, 2, 2, 3}});
    expect_matches_reference(problem);
    Forward result = forward(problem, {});
    const Gradients gradients = backward(problem, result, {});
    for (const int64_t row : {int64_t{0}, tokens - 1}) {
      for (int64_t c = 0; c < 16; ++c) {
        EXPECT_EQ(result.out.at(row, c), 0);
        EXPECT_EQ(gradients.dq.at(row, c), 0);
        EXPECT_EQ(gradients.dk.at(row, c / 2), 0);
        EXPECT_EQ(gradients.dv.at(row, c / 2), 0);
      }
    }
    AttentionProblem nothing(2, 1, 8, tokens, tokens, {});
    expect_matches_reference(nothing);
  }
}

TEST_P(AttentionKernel, ManySegments) {
  std::vector<AttentionSegment> list;
  int32_t token = 0;
  for (int32_t s = 0; s < 75; ++s) {
    const int32_t length = s % 7 == 3 ? 0 : s % 9 + (s == 40 ? 70 : 0);
    list.push_back({token, length, token, length});
    token += length + s % 2;
  }
  AttentionProblem problem(3, 1, 12, token, token, list);
  expect_matches_reference(problem);
}

TEST_P(AttentionKernel, LargeScoresDoNotOverflow) {
  AttentionProblem problem(1, 1, 64, 100, 100, {{0, 100, 0, 100}});
  problem.q.randomize(8, 60);
  problem.k.randomize(9, 60);
  const AttentionResult expected = testing::reference_attention(problem);
  Forward result = forward(problem, {});
  // scores near 3,000 with an error of some 1e-7 of the summed magnitudes: 1e-3 in the exponent
  EXPECT_LT(worst_error(result.out, expected.out), 4e-3);
  EXPECT_LT(worst_error(result.lse, expected.lse), 1e-6);
  const Gradients gradients = backward(problem, result, {});
  for (int64_t r = 0; r < 100; ++r) ASSERT_TRUE(std::isfinite(gradients.dq.at(r, 0)));
}

TEST_P(AttentionKernel, FewQueriesAgainstManyKeys) {
  const int32_t shapes[][3] = {{9, 3, 64}, {4, 1, 20}, {10, 1, 72}, {1, 1, 250}};
  for (const auto& [heads, kv_heads, head_dim] : shapes) {
    for (const int32_t queries : {1, 2, 7}) {
      for (const int32_t window : {0, 300}) {
        SCOPED_TRACE(::testing::Message() << heads << " " << head_dim << " " << queries << " " << window);
        AttentionProblem problem(heads, kv_heads, head_dim, queries + 1, 700 + 40,
                                 {{0, queries, 0, 700}, {queries, 1, 700, 40}});
        problem.options.window = window;
        expect_forward(problem, testing::reference_attention(problem), placements[queries % 4]);
        // The log-sum-exp is optional.
        EXPECT_EQ(forward(problem, {}, /*with_lse=*/false).lse.at(0, 0), 99);
      }
    }
  }
}

// As a cache does it: what stood there before, then the new tokens, then attention over all.
TEST_P(AttentionKernel, PagesHoldTheSameKeys) {
  for (const int32_t page_tokens : {1, 7, 16, 64}) {
    for (const int32_t head_dim : {20, 5, 100}) {
      SCOPED_TRACE(::testing::Message() << page_tokens << " " << head_dim);
      // A prefill after a cached prefix, a decode step, a first token, a row that has nothing to do, a few
      // queries.
      const std::vector<AttentionSegment> list = {
          {0, 90, 0, 137}, {90, 1, 137, 311}, {91, 1, 448, 1}, {92, 0, 449, 10}, {93, 8, 459, 80}};
      const auto rows = static_cast<int64_t>(list.size());
      AttentionProblem problem(6, 2, head_dim, 102, 539, list);  // token 92 is of no segment
      problem.options.window = head_dim == 5 ? 70 : 0;
      const int64_t kv_width = 2 * head_dim, columns = 320 / page_tokens + 1, layers = 2;
      const PageLayout layout{page_tokens, 2 * page_tokens * kv_width,
                              3 * page_tokens * kv_width};  // of the second
      const int64_t page_floats = 2 * layers * page_tokens * kv_width, pages = 560 / page_tokens + 6;
      FloatMatrix memory(*context, pages, page_floats);
      memory.fill(not_a_number);
      PointerMatrix table(*context, rows, columns, {1, 0});
      const std::byte* base = memory.view().data;
      int64_t used = 0;
      for (int64_t s = 0; s < rows; ++s) {
        const int64_t own = (list[static_cast<size_t>(s)].key_count + page_tokens - 1) / page_tokens;
        for (int64_t p = 0; p < own; ++p)
          table.at(s, p) = reinterpret_cast<int64_t>(base + (pages - 1 - used++) * page_floats * 4);
      }
      Backend& backend = context->backend();
      FloatMatrix q = to_device(*context, problem.q, {2, 0}), out(*context, 102, q.columns(), {2, 0});
      FloatMatrix k = to_device(*context, problem.k, {3, 0}), v = to_device(*context, problem.v, {4, 0});
      const View all_k = k.view(), all_v = v.view();
      // Writing in two steps: segments of a call name rows of k and v where the queries would stand.
      for (const bool cached : {true, false}) {
        IndexMatrix rows_written(*context, rows, 4);
        for (int64_t s = 0; s < rows; ++s) {
          const AttentionSegment& segment = list[static_cast<size_t>(s)];
          const int32_t before = segment.key_count - segment.query_count;
          rows_written.at(s, 0) = segment.key_begin + (cached ? 0 : before);
          rows_written.at(s, 1) = cached ? before : segment.query_count;
          rows_written.at(s, 3) = cached ? before : segment.key_count;
        }
        backend.write_pages(layout, all_k, all_v, table.view(), rows_written.view());
      }
      const AttentionResult expected = testing::reference_attention(problem);
      IndexMatrix segments = to_device(*context, problem.segments);
      FloatMatrix scratch =
          scratch_of(backend.attention_paged_scratch(problem.options, q.view().shape, 311, DType::f32));
      out.fill(99);
      backend.attention_paged(problem.options, layout, q.view(), table.view(), segments.view(), out.view(),
                              scratch.view());
      backend.synchronize();
      EXPECT_LT(worst_error(out, expected.out), forward_bound);
      EXPECT_TRUE(out.guards_intact());
      EXPECT_TRUE(scratch.guards_intact());
      EXPECT_TRUE(memory.guards_intact());
      // A decode step alone is split over its keys.
      FloatMatrix last(*context, 1, q.columns());
      FloatMatrix small =
          scratch_of(backend.attention_paged_scratch(problem.options, Shape{1, q.columns()}, 311, DType::f32));
      IndexMatrix decode(*context, 1, 4);
      decode.at(0, 1) = 1;
      decode.at(0, 3) = 311;
      backend.attention_paged(problem.options, layout, q.view().row_range(90, 1),
                              table.view().row_range(1, 1), decode.view(), last.view(), small.view());
      const auto from = expected.out.begin() + 90 * q.columns();
      EXPECT_LT(worst_error(last, std::vector<double>(from, from + q.columns())), forward_bound);
      EXPECT_TRUE(small.guards_intact());
    }
  }
}

TEST_P(AttentionKernel, NanIsSeen) {
  for (const int32_t queries : {1, 40}) {
    AttentionProblem problem(1, 1, 16, queries, 40, {{0, queries, 0, 40}});
    problem.k.at(0, 3) = not_a_number;
    EXPECT_TRUE(std::isnan(forward(problem, {}).out.at(queries - 1, 0)));
  }
}

TEST_P(AttentionKernel, TwoRunsGiveTheSameBits) {
  AttentionProblem problem(6, 3, 32, 240, 300, {{0, 140, 0, 200}, {140, 99, 200, 99}, {239, 1, 299, 1}});
  Forward first = forward(problem, {}), second = forward(problem, {});
  EXPECT_TRUE(first.out.same_bits(second.out));
  const Gradients once = backward(problem, first, {}), twice = backward(problem, first, {});
  EXPECT_TRUE(once.dq.same_bits(twice.dq));
  EXPECT_TRUE(once.dk.same_bits(twice.dk));
  EXPECT_TRUE(once.dv.same_bits(twice.dv));
  AttentionProblem decode(6, 3, 64, 1, 1000, {{0, 1, 0, 1000}});
  EXPECT_TRUE(forward(decode, {}).out.same_bits(forward(decode, {}).out));
}

TEST_P(AttentionKernel, HeadsThatAreTooWideAreRefused) {
  if (GetParam() == "cpu") return;
  AttentionProblem problem(1, 1, 257, 2, 2, {{0, 2, 0, 2}});
  FloatMatrix q = to_device(*context, problem.q), out = to_device(*context, problem.q);
  IndexMatrix segments = to_device(*context, problem.segments);
  Backend& backend = context->backend();
  backend.attention(problem.options, q.view(), q.view(), q.view(), segments.view(), out.view(), {}, {});
  try {
    backend.synchronize();
    FAIL() << "257 columns were taken";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::unsupported);
    EXPECT_NE(std::string(error.what()).find("257"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace peft
