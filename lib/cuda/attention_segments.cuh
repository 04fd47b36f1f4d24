// Segments on the device. The host knows how many there are, not where they lie: grids are sized for the most
// tiles that the shapes allow, and each block looks for its own.
#pragma once

#include <cstdint>

#include "cuda/launch.h"
#include "cuda/matrix.h"
#include "cuda/reduce.cuh"
#include "tensor/kernel_types.h"

namespace peft::cuda {

using Segments = Matrix<const int32_t>;

// The column of a segment's row where the range begins; its length is in the next one.
enum class SegmentSide : int32_t { queries = 0, keys = 2 };

// A place in a segment: `first` queries or keys after its begin. index < 0: no segment.
struct SegmentPlace {
  AttentionSegment segment;
  int64_t index = -1;
  int32_t first = 0;

  __device__ explicit operator bool() const { return index >= 0; }
};

__device__ inline AttentionSegment segment_at(const Segments& segments, int64_t index) {
  const int32_t* row = segments.row(index);
  return {row[0], row[1], row[2], row[3]};
}

// Tiles of `tile_rows` that cover all segments, at most.
inline int64_t most_tiles(int64_t rows, int64_t segments, int64_t tile_rows) {
  return rows / tile_rows + segments;
}

// Tile `number` of all segments' tiles; segments of at most `few` tokens have none. Whole warps only.
template <int tile_rows>
__device__ SegmentPlace find_tile(const Segments& segments, SegmentSide side, int32_t few, int64_t number) {
  const int lane = static_cast<int>(threadIdx.x % warp_size), column = static_cast<int>(side);
  for (int64_t base = 0; base < segments.rows; base += warp_size) {
    int32_t tiles = 0;
    if (base + lane < segments.rows) {
      const int32_t* row = segments.row(base + lane);
      if (row[column + 1] > few) tiles = (row[column + 1] - 1) / tile_rows + 1;
    }
    int32_t through = tiles;
    for (int distance = 1; distance < 32; distance *= 2) {
      const int32_t before = __shfl_up_sync(whole_warp, through, static_cast<unsigned>(distance));
      if (lane >= distance) through += before;
    }
    const unsigned later = __ballot_sync(whole_warp, number < through);
    if (later != 0) {
      SegmentPlace place;
      const int owner = __ffs(static_cast<int>(later)) - 1;
      place.index = base + owner;
      place.segment = segment_at(segments, place.index);
      place.first =
          (static_cast<int32_t>(number) - __shfl_sync(whole_warp, through - tiles, owner)) * tile_rows;
      return place;
    }
    number -= __shfl_sync(whole_warp, through, 31);
  }
  return {};
}

// The segment that token `row` belongs to. Whole warps only.
__device__ inline SegmentPlace find_row(const Segments& segments, SegmentSide side, int64_t row) {
  const int lane = static_cast<int>(threadIdx.x % warp_size), column = static_cast<int>(side);
  for (int64_t base = 0; base < segments.rows; base += warp_size) {
    bool inside = false;
    if (base + lane < segments.rows) {
      const int32_t* entry = segments.row(base + lane);
      inside = row >= entry[column] && row < int64_t{entry[column]} + entry[column + 1];
    }
    const unsigned owners = __ballot_sync(whole_warp, inside);
    if (owners != 0) {
      SegmentPlace place;
      place.index = base + __ffs(static_cast<int>(owners)) - 1;
      place.segment = segment_at(segments, place.index);
      const int32_t begin =
          side == SegmentSide::queries ? place.segment.query_begin : place.segment.key_begin;
      place.first = static_cast<int32_t>(row - begin);
      return place;
    }
  }
  return {};
}

// Which keys of its segment a query sees: [low, high).
struct AttentionMask {
  int32_t key_count, position;  // position: of query 0 among the keys; may be negative
  int32_t window;
  bool causal;

  AttentionMask() = default;  // so that one may be shared
  __device__ AttentionMask(const AttentionOptions& options, const AttentionSegment& segment)
      : key_count(segment.key_count),
        position(segment.key_count - segment.query_count),
        window(options.window < (1 << 30) ? options.window : 0),
        causal(options.causal) {}

  __device__ int32_t low(int32_t query) const {
    const int32_t first = window > 0 ? position + query - window + 1 : 0;
    return first > 0 ? first : 0;
  }
  __device__ int32_t high(int32_t query) const {
    const int32_t bound = causal ? position + query + 1 : key_count;
    return bound < key_count ? (bound > 0 ? bound : 0) : key_count;
  }
  // Queries [first_query, last_query) of `queries` are all that see any of the keys [key, last_key].
  __device__ int32_t first_query(int32_t key) const { return causal && key > position ? key - position : 0; }
  __device__ int32_t last_query(int32_t last_key, int32_t queries) const {
    const int64_t last = window > 0 ? int64_t{last_key} + window - position : queries;
    return static_cast<int32_t>(last < queries ? (last > 0 ? last : 0) : queries);
  }
  __device__ bool visible(int32_t query, int32_t key) const {
    return key < key_count && (!causal || key <= position + query) &&
           (window == 0 || key > position + query - window);
  }
  // Whether queries [query, query + queries) all see keys [key, key + keys).
  __device__ bool all_visible(int32_t query, int32_t queries, int32_t key, int32_t keys) const {
    return visible(query, key + keys - 1) && visible(query + queries - 1, key);
  }
};

}  // namespace peft::cuda
