// The mean of f32 values with the bits of lib/cpu/ordered_mean.cpp, by one block of 1024 threads.
//
// There, 8 lanes go round four accumulators: 32 sums side by side, one for each lane of a warp here. Each of the 32
// adds up `step` values from zero, `step` such sums from zero, and so on for four levels. Sums of the second level are
// independent of each other, so that every warp takes one; the first warp adds them up in their order.
#pragma once

#include <cstdint>

#include "cuda/launch.h"

namespace peft::cuda {

inline constexpr int ordered_mean_threads = 1024;

// How a sum is cut; computed on the host.
struct OrderedMeanPlan {
  int64_t count;
  int64_t rows;  // of 32 values
  int power;     // step = 2^power

  static OrderedMeanPlan of(int64_t count) {
    const int64_t rows = (count < 8 ? count : count / 8) / 4;
    int ceiling_log2 = 0;
    while (rows > 1 && (int64_t{1} << ceiling_log2) < rows) ++ceiling_log2;
    return {count, rows, ceiling_log2 / 4 > 4 ? ceiling_log2 / 4 : 4};
  }
};

// Fewer than eight values: four accumulators of one lane.
__device__ inline float mean_of_few(const float* x, int count) {
  float sums[4] = {};
  if (count >= 4) {
    for (int c = 0; c < 4; ++c) sums[c] += x[c];
  }
  float total = sums[0];
  for (int i = count / 4 * 4; i < count; ++i) total += x[i];
  for (int c = 1; c < 4; ++c) total += sums[c];
  return total / static_cast<float>(count);
}

// The sum of `groups` groups of `step` rows that follow each other from `x` on, for this lane's column.
__device__ inline float sum_of_groups(const float* x, int64_t groups, int64_t step) {
  float total = 0;
  for (int64_t group = 0; group < groups; ++group) {
    float sum = 0;
#pragma unroll 16
    for (int64_t row = 0; row < step; ++row) sum += x[(group * step + row) * 32];
    total += sum;
  }
  return total;
}

__global__ void __launch_bounds__(ordered_mean_threads)
    ordered_mean(OrderedMeanPlan plan, const float* x, float* mean) {
  __shared__ float pieces[32][32];
  const int lane = static_cast<int>(threadIdx.x % 32), warp = static_cast<int>(threadIdx.x / 32);
  if (plan.count < 8) {
    if (threadIdx.x == 0) *mean = mean_of_few(x, static_cast<int>(plan.count));
    return;
  }
  const int64_t step = int64_t{1} << plan.power, piece_rows = step * step, whole = plan.rows / piece_rows;
  float second = 0, third = 0;  // of the first warp: levels 2 and 3
  for (int64_t first = 0; first < whole; first += 32) {
    if (first + warp < whole) {
      pieces[warp][lane] = sum_of_groups(x + (first + warp) * piece_rows * 32 + lane, step, step);
    }
    __syncthreads();
    for (int64_t i = first; warp == 0 && i < first + 32 && i < whole; ++i) {
      second += pieces[i - first][lane];
      if ((i + 1) % step == 0) {
        third += second;
        second = 0;
      }
    }
    __syncthreads();
  }
  if (warp != 0) return;

  // What is left of the rows, then the levels from below, then the vectors of 8 and the values that fill no row.
  const int64_t groups = (plan.rows - whole * piece_rows) / step;
  const float* rest = x + whole * piece_rows * 32 + lane;
  const float level_one = sum_of_groups(rest, groups, step);
  float sum = 0;
  for (int64_t row = whole * piece_rows + groups * step; row < plan.rows; ++row) sum += x[row * 32 + lane];
  sum += level_one;
  sum += second;
  sum += third;
  pieces[0][lane] = sum;
  __syncwarp();
  if (lane < 8) {
    const int64_t vectors = plan.count / 8;
    for (int64_t i = plan.rows * 4; i < vectors; ++i) sum += x[i * 8 + lane];
    for (int column = 1; column < 4; ++column) sum += pieces[0][column * 8 + lane];
    pieces[1][lane] = sum;
  }
  __syncwarp();
  if (lane != 0) return;
  float total = 0;
  for (int64_t i = plan.count / 8 * 8; i < plan.count; ++i) total += x[i];
  for (int i = 0; i < 8; ++i) total += pieces[1][i];
  *mean = total / static_cast<float>(plan.count);
}

}  // namespace peft::cuda
