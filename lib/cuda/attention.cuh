// What the kernels of attention share: where keys and values lie, the parts of a call, how they start.
//
// Two kinds of forward kernel, as on the CPU: a tile of queries against tiles of keys, bound by arithmetic,
// and a few queries against stretches of keys, bound by memory.
#pragma once

#include <cstdint>

#include "cuda/attention_segments.cuh"
#include "cuda/convert.cuh"
#include "cuda/cuda_backend.h"

namespace peft::cuda {

inline constexpr int64_t largest_head_dim = 256;
inline constexpr int32_t few_queries = 8;  // a segment of at most so many queries is of the second kind

// Keys or values of one kv head of one segment. T: float, or BFloat16 where all matrices of a call are.
template <typename T>
struct HeadRows {
  const T* data;
  int64_t stride;
  const int64_t* pages;  // or null; then `data` is not used, and `stride` is a token's in a page
  int64_t offset;        // elements, in a page
  uint32_t page_tokens;

  __device__ const T* row(int32_t token) const {
    if (pages == nullptr) return data + token * stride;
    const auto index = static_cast<uint32_t>(token), page = index / page_tokens;
    return reinterpret_cast<const T*>(pages[page]) + offset + (index - page * page_tokens) * stride;
  }
};

template <typename T>
struct KeyValues {
  Matrix<const T> k, v;              // either these
  Matrix<const int64_t> page_table;  // or these
  PageLayout layout;

  __device__ HeadRows<T> keys(const AttentionOptions& options, const AttentionSegment& segment, int64_t index,
                              int32_t kv_head) const {
    return rows(options, k, segment, index, kv_head, layout.key_offset);
  }
  __device__ HeadRows<T> values(const AttentionOptions& options, const AttentionSegment& segment, int64_t index,
                                int32_t kv_head) const {
    return rows(options, v, segment, index, kv_head, layout.value_offset);
  }

 private:
  __device__ HeadRows<T> rows(const AttentionOptions& options, const Matrix<const T>& matrix,
                              const AttentionSegment& segment, int64_t index, int32_t kv_head,
                              int64_t offset) const {
    const int64_t column = int64_t{kv_head} * options.head_dim;
    if (page_table.data == nullptr)
      return {matrix.row(segment.key_begin) + column, matrix.stride, nullptr, 0, 1};
    return {nullptr, int64_t{options.kv_heads} * options.head_dim, page_table.row(index), offset + column,
            static_cast<uint32_t>(layout.page_tokens)};
  }
};

template <typename T>
struct AttentionForward {
  AttentionOptions options;
  Matrix<const T> q;
  KeyValues<T> kv;
  Segments segments;
  Matrix<T> out;
  Matrix<float> lse;  // may be empty
};

// Segments of more than `few` queries.
void attend_tiles(cudaStream_t stream, const DeviceProperties& properties, const AttentionForward<float>& call,
                  int32_t few);
void attend_tiles(cudaStream_t stream, const DeviceProperties& properties, const AttentionForward<BFloat16>& call,
                  int32_t few);

// Segments of at most few_queries queries; writes zeros to tokens outside every segment. `scratch`: as many
// stretches as fit are used.
template <typename T>
void attend_few(cudaStream_t stream, const AttentionForward<T>& call, View scratch);
int64_t attend_few_scratch(const AttentionOptions& options, int64_t queries, int64_t maximum_keys);

// Zeros in the rows of `a` and `b` (may be empty) that belong to no segment.
template <typename A, typename B>
void clear_outside(cudaStream_t stream, const Segments& segments, SegmentSide side, Matrix<A> a, Matrix<B> b);

template <typename T>
struct AttentionBackward {
  AttentionOptions options;
  Matrix<const T> q, k, v, dout;
  Segments segments;
  Matrix<const float> lse;
  const float* delta;  // [tq, heads]
  Matrix<T> dq, dk, dv;
  // Blocks of the pass over keys take the query heads of a kv head together, or a part of them each; then they write
  // sums of their own, in columns of kv head and part, which are added up afterwards.
  int32_t parts = 1;
  Matrix<float> dk_parts = {}, dv_parts = {};
};
void backward_queries(cudaStream_t stream, const DeviceProperties& properties, const AttentionBackward<float>& call);
void backward_queries(cudaStream_t stream, const DeviceProperties& properties,
                      const AttentionBackward<BFloat16>& call);
void backward_keys(cudaStream_t stream, const DeviceProperties& properties, const AttentionBackward<float>& call);
void backward_keys(cudaStream_t stream, const DeviceProperties& properties, const AttentionBackward<BFloat16>& call);

inline void check_head_dim(const AttentionOptions& options) {
  check(options.head_dim <= largest_head_dim, Code::unsupported, "heads of at most {} columns, found {}",
        largest_head_dim, options.head_dim);
}

}  // namespace peft::cuda
