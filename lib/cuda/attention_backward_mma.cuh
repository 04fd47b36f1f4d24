// What the two passes of attention's gradient on tensor cores share; attention_backward.cuh has the equations. A
// probability is recomputed in the same registers as its score, P and dS are rounded to bf16 as operands of products,
// and a gradient is rounded once.
#pragma once

#include "cuda/attention_mma.cuh"

namespace peft::cuda {

struct MmaBackwardCall {
  AttentionBackward<BFloat16> call;
  int64_t tiles;
  int stages;
  ScoreScale scale;
};

// Tiles of the other side, in shared memory one after the other: the next one is fetched while one is in use where
// there is room for two.
struct TileStages {
  int count;         // 1 or 2
  const int& units;  // perhaps in shared memory

  // Which of the stages holds `unit`, there for all threads of the block, as is what they wrote before.
  // fetch(unit, stage) begins to fetch a tile.
  template <class Fetch>
  __device__ int take(const Fetch& fetch, int unit) const {
    if (count == 1) {
      __syncthreads();  // the last tile has been read
      fetch(unit, 0);
      copies_arrive();
      __syncthreads();
      return 0;
    }
    copies_arrive();
    __syncthreads();  // this tile is there, the last one has been read
    if (unit + 1 < units) fetch(unit + 1, (unit + 1) % 2);
    return unit % 2;
  }
  template <class Fetch>
  __device__ void start(const Fetch& fetch) const {
    if (count == 2 && units > 0) fetch(0, 0);
  }
};

// Two stages where two blocks still fit a multiprocessor, or where only one does anyway.
inline int stages_of(int64_t own_bytes, int64_t stage_bytes, int64_t most_bytes) {
  constexpr int64_t reserved = most_declared_bytes + 1024;  // the system's KiB of each block
  const auto blocks = [&](int stages) { return (most_bytes + 1024) / (own_bytes + stages * stage_bytes + reserved); };
  return blocks(2) >= 2 || (blocks(2) == 1 && blocks(1) == 1) ? 2 : 1;
}

template <class Kernel>
void start_backward_mma(cudaStream_t stream, const DeviceProperties& properties,
                        const AttentionBackward<BFloat16>& call, int64_t tiles, int64_t columns, int64_t own_bytes,
                        int64_t stage_bytes, Kernel kernel) {
  const int stages = stages_of(own_bytes, stage_bytes, properties.shared_bytes_a_block);
  const int64_t blocks = tiles * columns;
  check(blocks < int64_t{1} << 31, Code::limit, "{} tiles of tokens and heads", blocks);
  launch(stream, dim3(static_cast<unsigned>(blocks)), dim3(mma_threads),
         static_cast<size_t>(own_bytes + stages * stage_bytes), kernel,
         MmaBackwardCall{call, tiles, stages, ScoreScale(call.options.scale)});
}

}  // namespace peft::cuda
