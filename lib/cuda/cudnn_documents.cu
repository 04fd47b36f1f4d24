#include "cuda/cudnn_documents.h"

#include <cmath>

#include "cuda/attention_segments.cuh"

namespace peft::cuda {
namespace {

constexpr unsigned clear_threads = 128;

// Queries and keys keep their distance from the end, from which positions are counted.
__device__ AttentionSegment seen_part(const Documents& documents, const AttentionSegment& segment) {
  AttentionSegment seen = segment;
  if (documents.causal && seen.query_count > seen.key_count) {
    seen.query_begin += seen.query_count - seen.key_count;
    seen.query_count = seen.key_count;
  }
  const int32_t reach = seen.query_count + documents.window - 1;
  if (documents.window > 0 && seen.key_count > reach) {
    seen.key_begin += seen.key_count - reach;
    seen.key_count = reach;
  }
  if (seen.query_count == 0 || seen.key_count == 0) seen.query_count = seen.key_count = 0;
  return seen;
}

__global__ void write_tables_kernel(Documents documents, DocumentTables tables) {
  for (int32_t i = static_cast<int32_t>(threadIdx.x); i <= tables.batch; i += static_cast<int32_t>(blockDim.x)) {
    const bool there = i < documents.segments.rows;
    AttentionSegment seen;
    if (there) seen = seen_part(documents, segment_at(documents.segments, i));
    if (i < tables.batch) {
      tables.query_lengths[i] = seen.query_count;
      tables.key_lengths[i] = seen.key_count;
    }
    for (int32_t n = 0; n < tables.count; ++n) {
      const DocumentTables::Offsets& offsets = tables.offsets[n];
      const int64_t row = !there ? offsets.rows : offsets.keys ? seen.key_begin : seen.query_begin;
      offsets.data[i] = static_cast<int32_t>(row * offsets.stride);
    }
  }
}

__device__ inline void clear_row(const Matrix<uint16_t>& matrix, int64_t row) {
  if (matrix.data == nullptr) return;
  for (int64_t c = threadIdx.x % warp_size; c < matrix.columns; c += warp_size) matrix.at(row, c) = 0;
}

// A warp: one row.
__global__ void __launch_bounds__(clear_threads)
    clear_unseen_kernel(Documents documents, bool keys, Matrix<uint16_t> a, Matrix<uint16_t> b, Matrix<float> lse) {
  const int64_t row = (int64_t{blockIdx.x} * clear_threads + threadIdx.x) / warp_size;
  if (row >= a.rows) return;
  const SegmentPlace place = find_row(documents.segments, keys ? SegmentSide::keys : SegmentSide::queries, row);
  if (place) {
    const AttentionSegment seen = seen_part(documents, place.segment);
    const int32_t begin = keys ? seen.key_begin : seen.query_begin, count = keys ? seen.key_count : seen.query_count;
    if (row >= begin && row < int64_t{begin} + count) return;
  }
  clear_row(a, row);
  clear_row(b, row);
  if (lse.data == nullptr) return;
  const float value = place ? -INFINITY : 0.0f;
  for (int64_t c = threadIdx.x % warp_size; c < lse.columns; c += warp_size) lse.at(row, c) = value;
}

}  // namespace

void write_tables(cudaStream_t stream, const Documents& documents, const DocumentTables& tables) {
  launch(stream, dim3(1), dim3(warp_size), 0, write_tables_kernel, documents, tables);
}

void clear_unseen(cudaStream_t stream, const Documents& documents, bool keys, Matrix<uint16_t> a, Matrix<uint16_t> b,
                  Matrix<float> lse) {
  launch(stream, dim3(blocks_for(a.rows * warp_size, clear_threads)), dim3(clear_threads), 0, clear_unseen_kernel,
         documents, keys, a, b, lse);
}

}  // namespace peft::cuda
