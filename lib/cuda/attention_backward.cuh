// What the two passes of attention's gradient share. Each recomputes its probabilities:
//   p = exp(scale q k^T - lse);  ds = p (dout v^T - delta), delta = sum(dout out)
//   dq = scale ds k, by tiles of queries;  dv = p^T dout and dk = scale ds^T q, by tiles of keys
#pragma once

#include <cmath>

#include "cuda/attention.cuh"
#include "cuda/attention_tile.cuh"

namespace peft::cuda {

inline constexpr int backward_tile = 32, backward_threads = 128;
inline constexpr int backward_height = backward_threads / tile_threads_x,
                     backward_rows = 4;  // rows of a thread
static_assert(backward_height * backward_rows == backward_tile);

struct BackwardCall {
  AttentionBackward<float> call;
  int64_t tiles;
  int buffers;
};

// Shared memory beside the chunks: two tiles of rows, weights.
constexpr int64_t backward_floats(int chunks) {
  return backward_tile * (2 * tile_stride(chunks) + chunk_stride);
}

// One of a thread's probabilities for each row and chunk row, and which of them are not zero by the mask.
struct Probabilities {
  float p[backward_rows][4];
  unsigned seen = 0;

  // From scores. visible(i, j), lse(i, j): of row i and the thread's chunk row j.
  template <class Visible, class Lse>
  __device__ void from_scores(bool all, const Visible& visible, const Lse& lse) {
    seen = 0;
    PEFT_UNROLL
    for (int i = 0; i < backward_rows; ++i) {
      PEFT_UNROLL
      for (int j = 0; j < 4; ++j) {
        const bool here = all || visible(i, j);
        if (here) seen |= 1u << (4 * i + j);
        p[i][j] = here ? expf(p[i][j] - lse(i, j)) : 0.0f;
      }
    }
  }
  // ds = p (dp - delta), in place of dp.
  template <class Delta>
  __device__ void differentiate(float (&dp)[backward_rows][4], const Delta& delta) const {
    PEFT_UNROLL
    for (int i = 0; i < backward_rows; ++i) {
      PEFT_UNROLL
      for (int j = 0; j < 4; ++j) {
        dp[i][j] = (seen >> (4 * i + j) & 1u) != 0 ? p[i][j] * (dp[i][j] - delta(i, j)) : 0.0f;
      }
    }
  }
};

// Writes a thread's rows of a gradient, times `factor`, to row_of(row) for rows < count.
template <int chunks, class RowOf>
__device__ void store_gradient(const float (&sums)[chunks][backward_rows][4], float factor,
                               const RowOf& row_of, int count, int width) {
  const int x = tile_x(), y = tile_y();
  PEFT_UNROLL
  for (int i = 0; i < backward_rows; ++i) {
    const int row = y + backward_height * i;
    if (row >= count) continue;
    PEFT_UNROLL
    for (int c = 0; c < chunks; ++c) {
      const float* s = sums[c][i];
      store_four(float4{factor * s[0], factor * s[1], factor * s[2], factor * s[3]}, row_of(row),
                 c * chunk_size + 4 * x, width);
    }
  }
}

// Starts kernel_of(chunks constant) for tiles of `rows` tokens times `heads`.
template <class KernelOf>
void start_backward(cudaStream_t stream, const DeviceProperties& properties, const AttentionBackward<float>& call,
                    int64_t rows, int64_t heads, const KernelOf& kernel_of) {
  BackwardCall backward{call, most_tiles(rows, call.segments.rows, backward_tile), 0};
  const int64_t blocks = backward.tiles * heads;
  check(blocks < int64_t{1} << 31, Code::limit, "{} tiles of tokens and heads", blocks);
  const int chunks = (call.options.head_dim - 1) / chunk_size + 1;
  backward.buffers = chunk_buffers(backward_floats(chunks), properties);
  const int64_t bytes = (backward_floats(chunks) + backward.buffers * chunk_floats) * 4;
  const auto start = [&](auto kernel) {
    launch(stream, dim3(static_cast<unsigned>(blocks)), dim3(backward_threads), static_cast<size_t>(bytes),
           kernel, backward);
  };
  switch (chunks) {
    case 1:
      return start(kernel_of(std::integral_constant<int, 1>()));
    case 2:
      return start(kernel_of(std::integral_constant<int, 2>()));
    case 3:
      return start(kernel_of(std::integral_constant<int, 3>()));
    default:
      return start(kernel_of(std::integral_constant<int, 4>()));
  }
}

}  // namespace peft::cuda
