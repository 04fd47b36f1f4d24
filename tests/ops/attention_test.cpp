#include "ops/attention.h"

#include "ops/elementwise.h"
#include "support/gradient_check.h"
#include "support/reference.h"

namespace peft {
namespace {

class Attention : public GradientTest {
 protected:
  Tensor upload(const std::vector<AttentionSegment>& segments) {
    std::vector<int32_t> rows;
    for (const auto& s : segments)
      rows.insert(rows.end(), {s.query_begin, s.query_count, s.key_begin, s.key_count});
    return context->from_host(std::span<const int32_t>(rows), {static_cast<int64_t>(segments.size()), 4});
  }
  void check_attention(const AttentionOptions& options, const std::vector<AttentionSegment>& segments,
                       int64_t queries, int64_t keys) {
    const Tensor device_segments = upload(segments);
    check_op(
        {.inputs = {{{queries, options.heads * options.head_dim}},
                    {{keys, options.kv_heads * options.head_dim}},
                    {{keys, options.kv_heads * options.head_dim}}},
         .op = [&](Context& c,
                   auto& in) { return attention(c, in[0], in[1], in[2], device_segments, options); },
         .reference =
             [&](const auto& in) { return reference::attention(options, in[0], in[1], in[2], segments); },
         .tolerance = 4e-6});
  }
};
INSTANTIATE_TEST_SUITE_P(Devices, Attention, every_device());

TEST_P(Attention, CausalWithSharedKeyHeads) {
  check_attention({.heads = 4, .kv_heads = 2, .head_dim = 8, .scale = 0.7f}, {{0, 7, 0, 7}}, 7, 7);
}

TEST_P(Attention, PackedDocumentsDoNotSeeEachOther) {
  check_attention({.heads = 2, .kv_heads = 2, .head_dim = 6, .scale = 1.0f},
                  {{0, 3, 0, 3}, {3, 1, 3, 1}, {4, 5, 4, 5}}, 9, 9);
}

TEST_P(Attention, SlidingWindow) {
  check_attention({.heads = 2, .kv_heads = 1, .head_dim = 4, .window = 3, .scale = 1.0f}, {{0, 8, 0, 8}}, 8,
                  8);
}

TEST_P(Attention, WithoutMask) {
  check_attention({.heads = 2, .kv_heads = 1, .head_dim = 4, .causal = false, .scale = 1.0f},
                  {{0, 4, 0, 6}, {4, 2, 6, 3}}, 6, 9);
}

// A prefix: more keys than queries, queries stand at the end.
TEST_P(Attention, KeysBeforeTheQueries) {
  check_attention({.heads = 2, .kv_heads = 2, .head_dim = 4, .scale = 0.5f}, {{0, 3, 0, 7}}, 3, 7);
}

// Longer than any tile, so that running maxima and sums are carried over.
TEST_P(Attention, LongSegment) {
  const AttentionOptions options{.heads = 1, .kv_heads = 1, .head_dim = 64, .scale = 0.125f};
  const std::vector<AttentionSegment> segments = {{0, 300, 0, 300}};
  const std::vector<float> q = random_values(300 * 64, 4.0f), k = random_values(300 * 64, 4.0f),
                           v = random_values(300 * 64);
  const Tensor out = attention(*context, context->from_host(q, {300, 64}), context->from_host(k, {300, 64}),
                               context->from_host(v, {300, 64}), upload(segments), options);
  expect_close(context->to_host(out),
               reference::attention(options, {q.begin(), q.end()}, {k.begin(), k.end()}, {v.begin(), v.end()},
                                    segments),
               1e-5, "value");
}

TEST_P(Attention, PagedEqualsPlain) {
  const AttentionOptions options{.heads = 4, .kv_heads = 2, .head_dim = 8, .scale = 0.3f};
  const int64_t width = options.kv_heads * options.head_dim;
  constexpr int32_t page = 4;
  const PageLayout layout{.page_tokens = page, .key_offset = 0, .value_offset = page * width};
  const std::vector<float> q = random_values(9 * 32), k = random_values(9 * width),
                           v = random_values(9 * width);
  const Tensor queries = context->from_host(q, {9, 32}), keys = context->from_host(k, {9, width}),
               values = context->from_host(v, {9, width});
  std::vector<Tensor> pages;
  std::vector<int64_t> addresses;
  for (int i = 0; i < 6; ++i) {
    pages.push_back(context->zeros({2 * page * width}));
    addresses.push_back(static_cast<int64_t>(reinterpret_cast<intptr_t>(pages.back().view().data)));
  }
  const Tensor table = context->from_host(std::span<const int64_t>(addresses), {2, 3});
  const std::vector<AttentionSegment> segments = {{0, 6, 0, 6}, {6, 3, 6, 3}};
  const Tensor device_segments = upload(segments);
  write_pages(*context, keys, values, table, device_segments, layout);
  const Tensor out = attention_paged(*context, queries, table, device_segments, options, layout, 6);
  const DoubleVector expected = reference::attention(options, {q.begin(), q.end()}, {k.begin(), k.end()},
                                                     {v.begin(), v.end()}, segments);
  expect_close(context->to_host(out), expected, 4e-6, "prefill");

  // The last query of each segment again, as decoding would ask it.
  std::vector<float> last(q.begin() + 5 * 32, q.begin() + 6 * 32);
  last.insert(last.end(), q.begin() + 8 * 32, q.end());
  const Tensor one = attention_paged(*context, context->from_host(last, {2, 32}), table,
                                     upload({{0, 1, 0, 6}, {1, 1, 0, 3}}), options, layout, 6);
  DoubleVector wanted(expected.begin() + 5 * 32, expected.begin() + 6 * 32);
  wanted.insert(wanted.end(), expected.begin() + 8 * 32, expected.end());
  expect_close(context->to_host(one), wanted, 4e-6, "decode");
}

TEST_P(Attention, MemoryIsLinearInTheLength) {
  const AttentionOptions options{.heads = 2, .kv_heads = 2, .head_dim = 16, .scale = 0.25f};
  const auto kept = [&](int32_t tokens) {
    Tape tape;
    const TapeScope scope(*context, &tape);
    const Tensor segments = upload({{0, tokens, 0, tokens}});
    const Tensor leaf = random_leaf({tokens, 32});
    const Tensor k = random_tensor({tokens, 32}), v = random_tensor({tokens, 32});
    const int64_t before = context->pool().statistics().used;
    const Tensor out = attention(*context, leaf, k, v, segments, options);
    return context->pool().statistics().used - before;
  };
  EXPECT_EQ(kept(64), 64 * 32 * 4 + 64 * 2 * 4);  // the output and the log-sum-exp
  EXPECT_EQ(kept(512), 8 * kept(64));
}

TEST_P(Attention, OperandsMustFit) {
  const Tensor segments = upload({{0, 4, 0, 4}});
  const Tensor x = random_tensor({4, 8}), narrow = random_tensor({4, 4});
  EXPECT_THROW(attention(*context, x, x, narrow, segments, {.heads = 2, .kv_heads = 2, .head_dim = 4}),
               Error);
  EXPECT_THROW(attention(*context, x, x, x, segments, {.heads = 2, .kv_heads = 1, .head_dim = 4}), Error);
  EXPECT_THROW(attention(*context, x, x, x, segments, {.heads = 3, .kv_heads = 2, .head_dim = 4}), Error);
  EXPECT_THROW(
      attention(*context, x, x, x, random_tensor({1, 4}), {.heads = 2, .kv_heads = 2, .head_dim = 4}), Error);
}

}  // namespace
}  // namespace peft
