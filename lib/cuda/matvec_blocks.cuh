// Weights of matvec.cuh in GGUF's block formats: 32 codes a lane, in bytes, with the scales of both runs.
#pragma once

#include "cuda/matvec.cuh"

namespace peft::cuda {

template <DType dtype>
struct BlockWeights {
  using Format = BlockFormat<dtype>;
  static constexpr int pack = 32, run = 16;
  template <int M>
  static constexpr bool ahead = M == 1;
  static constexpr bool scaled = true, has_offset = Format::has_offset;
  struct Shared {};
  struct Raw {
    uint32_t low[4], high[4];
    RunScale scales[2];
  };
  StoredRows<dtype> rows;

  __device__ void prepare(Shared&) const {}
  __device__ Raw fetch(int64_t row, int64_t column) const {
    const uint8_t* block = rows.data + row * rows.row_bytes + column / Format::elements * Format::bytes;
    const int first = static_cast<int>(column % Format::elements) / 4;
    Raw raw;
    Format::words(block, first, raw.low);
    Format::words(block, first + 4, raw.high);
    raw.scales[0] = Format::scale(block, first / 4);
    raw.scales[1] = Format::scale(block, first / 4 + 1);
    return raw;
  }
  __device__ static uint32_t word(const Raw& raw, int j) { return j < 4 ? raw.low[j % 4] : raw.high[j % 4]; }
  __device__ static void decode(const Raw& raw, const Shared&, int j, float (&w)[4]) {
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      w[i] = static_cast<float>(word(raw, j) >> (8 * i) & 255u) - static_cast<float>(Format::centre);
    }
  }
  __device__ static RunScale scale(const Raw& raw, const Shared&, int r) { return raw.scales[r]; }
  __device__ static void exact(const Raw& raw, const Shared&, int j, float (&w)[4]) {
    decode_word<dtype>(word(raw, j), raw.scales[j / 4], w);
  }
};

template <DType dtype>
void start_block_dot(const DotCall& call, const ConstView& b) {
  const BlockWeights<dtype> weights{stored_rows<dtype>(b)};
  if (call.a.rows == 1) return start_dot<BlockWeights<dtype>, 1, 2>(call, weights, call.bfloat16);
  start_dot<BlockWeights<dtype>, 8, 2>(call, weights, call.bfloat16);
}

}  // namespace peft::cuda
