// How attention is cut into tasks. Two kinds: a tile of queries against tiles of keys (products in
// registers), and a few queries against a stretch of keys (bound by memory; long stretches are split and
// combined in a fixed order).
#pragma once

#include <atomic>
#include <cstdint>

#include "base/threads.h"
#include "tensor/kernel_types.h"
#include "tensor/view.h"

namespace peft {

inline constexpr int64_t query_tile = 64, key_tile = 64;
inline constexpr int64_t task_heads = 4;           // query heads of one kv head that share its packed tiles
inline constexpr int64_t few_queries = 4;          // at most so many queries take the second kind
inline constexpr int64_t few_rows = 16;            // queries times heads of one kv head in such a task
inline constexpr int64_t few_kv_heads = 16;        // at most so many kv heads in such a task
inline constexpr int64_t few_floats_wide = 1024;   // and so many floats of a token's key: what streams well
inline constexpr int64_t split_keys = 128;         // keys of one stretch
inline constexpr int64_t split_maximum_rows = 16;  // above, there are tasks enough without splitting
inline constexpr int64_t tile_padding = 16;        // floats; a multiple of every vector length

// Width of a padded tile row that holds head_dim floats.
constexpr int64_t tile_width(int64_t head_dim) {
  return (head_dim + tile_padding - 1) / tile_padding * tile_padding;
}

// Where the keys and values of one kv head lie: rows of a matrix, or pages.
struct KeyValueRows {
  const float* key = nullptr;
  const float* value = nullptr;
  int64_t key_stride = 0, value_stride = 0;
  const int64_t* pages = nullptr;  // addresses; then `key` and `value` are not used
  PageLayout layout;
  int64_t token_floats = 0, head_offset = 0;  // in a page

  const float* in_page(int64_t token, int64_t offset) const {
    const auto index = static_cast<uint32_t>(token), size = static_cast<uint32_t>(layout.page_tokens);
    return reinterpret_cast<const float*>(pages[index / size]) + offset + (index % size) * token_floats +
           head_offset;
  }
  const float* key_row(int64_t token) const {
    return pages == nullptr ? key + token * key_stride : in_page(token, layout.key_offset);
  }
  const float* value_row(int64_t token) const {
    return pages == nullptr ? value + token * value_stride : in_page(token, layout.value_offset);
  }
};

// One task: `queries` consecutive queries and `heads` consecutive query heads of one kv head; the second kind
// may take several whole kv heads, whose query heads follow each other.
struct AttentionTask {
  AttentionOptions options;
  const float* q = nullptr;  // first query, first head
  int64_t q_stride = 0;
  int64_t queries = 0, heads = 0, kv_heads = 1;
  int64_t position = 0;                // of the first query among the keys; may be negative
  int64_t key_begin = 0, key_end = 0;  // the keys to look at, before masks
  int64_t key_count = 0;               // of the segment
  KeyValueRows rows;
  float* out = nullptr;
  int64_t out_stride = 0;
  float* lse = nullptr;  // or null
  int64_t lse_stride = 0;
  // A stretch of several: [query][head] blocks of `maximum, sum, unnormalised output`, partial_stride apart
  // by query.
  float* partial = nullptr;
  int64_t partial_query_stride = 0, partial_head_stride = 0;
  float* scratch = nullptr;

  // Keys [low, high) that query `index` of the task sees.
  int64_t low(int64_t index) const {
    const int64_t first = options.window > 0 ? position + index - options.window + 1 : 0;
    return first > 0 ? first : 0;
  }
  int64_t high(int64_t index) const {
    const int64_t bound = options.causal ? position + index + 1 : key_count;
    return bound < key_count ? (bound > 0 ? bound : 0) : key_count;
  }
};

// How many kv heads a task of the second kind takes when it takes whole ones, and its floats of scratch.
constexpr int64_t few_kv_heads_of(int64_t head_dim) {
  const int64_t heads = few_floats_wide / head_dim;
  return heads < 1 ? 1 : heads < few_kv_heads ? heads : few_kv_heads;
}
constexpr int64_t few_floats(int64_t head_dim) {
  return few_kv_heads_of(head_dim) * few_rows * (2 * tile_width(head_dim) + key_tile);
}
void attend_few(const AttentionTask& task);

// A whole attention call; k, v or the page table are behind rows_of.
struct AttentionCall {
  AttentionOptions options;
  ConstView q;
  ConstView segments;
  View out, lse;
  View scratch;
  int64_t maximum_keys = 0;
  int threads = 1;
  // Either k and v, or page_table and layout.
  ConstView k, v, page_table;
  PageLayout layout;
};
void attend(const AttentionCall& call);
int64_t attend_scratch(const AttentionOptions& options, int64_t queries, int64_t maximum_keys, int threads);

inline AttentionSegment segment_at(ConstView segments, int64_t index) {
  const int32_t* row = segments.row<int32_t>(index);
  return {row[0], row[1], row[2], row[3]};
}

// Runs body(task, slot, state) for tasks [0, count), handed out in order. Concurrent bodies have different
// slots < threads; each slot has its own State and sees rising task numbers.
template <typename State, typename Body>
void for_tasks(int64_t count, int threads, const Body& body) {
  if (count <= 0) return;
  const int64_t slots = threads < count ? threads : count;
  std::atomic<int64_t> next{0};
  parallel_for(slots, 1, threads, [&](int64_t begin, int64_t end) {
    for (int64_t slot = begin; slot < end; ++slot) {
      State state;
      for (int64_t task = next.fetch_add(1); task < count; task = next.fetch_add(1)) body(task, slot, state);
    }
  });
}

}  // namespace peft
