// What the kernels of attention share: where keys and values lie, the parts of a call, how they start.
//
// Two kinds of forward kernel, as on the CPU: a tile of queries against tiles of keys, bound by arithmetic,
// and a few queries against stretches of keys, bound by memory.
#pragma once

#include <cstdint>

#include "cuda/attention_segments.cuh"
#include "cuda/cuda_backend.h"

namespace peft::cuda {

inline constexpr int64_t largest_head_dim = 256;
inline constexpr int32_t few_queries = 8;  // a segment of at most so many queries is of the second kind

// Keys and values of one kv head of one segment.
struct HeadRows {
  const float* data;
  int64_t stride;
  const int64_t* pages;  // or null; then `data` is not used, and `stride` is a token's in a page
  int64_t offset;        // floats, in a page
  uint32_t page_tokens;

  __device__ const float* row(int32_t token) const {
    if (pages == nullptr) return data + token * stride;
    const auto index = static_cast<uint32_t>(token), page = index / page_tokens;
    return reinterpret_cast<const float*>(pages[page]) + offset + (index - page * page_tokens) * stride;
  }
};

struct KeyValues {
  Matrix<const float> k, v;          // either these
  Matrix<const int64_t> page_table;  // or these
  PageLayout layout;

  __device__ HeadRows keys(const AttentionOptions& options, const AttentionSegment& segment, int64_t index,
                           int32_t kv_head) const {
    return rows(options, k, segment, index, kv_head, layout.key_offset);
  }
  __device__ HeadRows values(const AttentionOptions& options, const AttentionSegment& segment, int64_t index,
                             int32_t kv_head) const {
    return rows(options, v, segment, index, kv_head, layout.value_offset);
  }

 private:
  __device__ HeadRows rows(const AttentionOptions& options, const Matrix<const float>& matrix,
                           const AttentionSegment& segment, int64_t index, int32_t kv_head,
                           int64_t offset) const {
    const int64_t column = int64_t{kv_head} * options.head_dim;
    if (page_table.data == nullptr)
      return {matrix.row(segment.key_begin) + column, matrix.stride, nullptr, 0, 1};
    return {nullptr, int64_t{options.kv_heads} * options.head_dim, page_table.row(index), offset + column,
            static_cast<uint32_t>(layout.page_tokens)};
  }
};

struct AttentionForward {
  AttentionOptions options;
  Matrix<const float> q;
  KeyValues kv;
  Segments segments;
  Matrix<float> out, lse;  // lse may be empty
};

// Segments of more than `few` queries.
void attend_tiles(cudaStream_t stream, const DeviceProperties& properties, const AttentionForward& call,
                  int32_t few);

// Segments of at most few_queries queries; writes zeros to tokens outside every segment. `scratch`: as many
// stretches as fit are used.
void attend_few(cudaStream_t stream, const AttentionForward& call, View scratch);
int64_t attend_few_scratch(const AttentionOptions& options, int64_t queries, int64_t maximum_keys);

// Zeros in the rows of `a` and `b` (may be empty) that belong to no segment.
void clear_outside(cudaStream_t stream, const Segments& segments, SegmentSide side, Matrix<float> a,
                   Matrix<float> b);

struct AttentionBackward {
  AttentionOptions options;
  Matrix<const float> q, k, v, dout;
  Segments segments;
  Matrix<const float> lse;
  const float* delta;        // [tq, heads]
  Matrix<float> dq, dk, dv;  // dk, dv: one column block for each kv head, or each query head
  bool heads_apart;          // dk and dv by query head
};
void backward_queries(cudaStream_t stream, const DeviceProperties& properties, const AttentionBackward& call);
void backward_keys(cudaStream_t stream, const DeviceProperties& properties, const AttentionBackward& call);

inline void check_head_dim(const AttentionOptions& options) {
  check(options.head_dim <= largest_head_dim, Code::unsupported, "heads of at most {} columns, found {}",
        largest_head_dim, options.head_dim);
}

}  // namespace peft::cuda
