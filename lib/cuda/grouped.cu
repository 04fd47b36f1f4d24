// grouped_matmul: bound by the memory that the groups' matrices take. A warp has one output of one row at a time where
// rows of b are long (the A of an adapter), a thread where they are short (its B). Sums have a fixed order.
#include <algorithm>

#include "cuda/convert.cuh"
#include "cuda/cuda_backend.h"
#include "cuda/reduce.cuh"
#include "cuda/vector.cuh"

namespace peft::cuda {
namespace {

constexpr unsigned threads = 256, warps = threads / warp_size;
constexpr int groups_a_launch = 64;  // kernel arguments are at most 4 KB
constexpr int32_t shortest_long_row = 128;

// Passed by value: nothing is uploaded.
struct GroupTable {
  GroupedRows groups[groups_a_launch];
};
static_assert(sizeof(GroupTable) <= 3584);

template <typename T>
__device__ void put(T* to, float value, bool accumulate) {
  *to = from_float<T>(accumulate ? to_float(*to) + value : value);
}

// Grid: tiles of outputs, groups. A warp reads a row of b once for each row of the group, which are few.
template <typename A, typename Y>
__global__ void __launch_bounds__(threads)
    long_rows_kernel(GroupTable table, Matrix<const A> a, bool wide, bool accumulate, Matrix<Y> y) {
  const GroupedRows& group = table.groups[blockIdx.y];
  const int32_t lane = static_cast<int32_t>(threadIdx.x % warp_size);
  const int32_t j = static_cast<int32_t>(blockIdx.x * warps + threadIdx.x / warp_size);
  if (j >= group.outputs) return;
  const float* const weights = group.b + j * group.b_stride;
  for (int32_t i = 0; i < group.row_count; ++i) {
    const int64_t r = int64_t{group.first_row} + i;
    const A* const row = a.row(r) + group.inner_begin;
    float sum = 0;
    int32_t c = lane;
    if (wide) {
      float sums[4] = {};
      int32_t at = lane * 4;
      for (; at + 4 <= group.inner; at += warp_size * 4) {
        const Floats<4> w = load<4>(weights + at);
        const Pack<A, 4> x = load<4>(row + at);
        for (int k = 0; k < 4; ++k) sums[k] = fmaf(to_float(x.v[k]), w.v[k], sums[k]);
      }
      sum = (sums[0] + sums[1]) + (sums[2] + sums[3]);
      c = group.inner / 4 * 4 + lane;
    }
    for (; c < group.inner; c += warp_size) sum = fmaf(to_float(row[c]), weights[c], sum);
    sum = warp_reduce(sum, Add{});
    if (lane == 0) put(&y.at(r, j), group.alpha * sum, accumulate);
  }
}

// Grid: tiles of outputs, groups. A thread keeps its row of b's place and goes over the group's rows.
template <typename A, typename Y>
__global__ void __launch_bounds__(threads)
    short_rows_kernel(GroupTable table, Matrix<const A> a, bool wide, bool accumulate, Matrix<Y> y) {
  const GroupedRows& group = table.groups[blockIdx.y];
  const int32_t j = static_cast<int32_t>(blockIdx.x * threads + threadIdx.x);
  if (j >= group.outputs) return;
  const float* const weights = group.b + j * group.b_stride;
  for (int32_t i = 0; i < group.row_count; ++i) {
    const int64_t r = int64_t{group.first_row} + i;
    const A* const row = a.row(r) + group.inner_begin;  // the same for all threads: one read of the cache
    float sum = 0;
    int32_t c = 0;
    if (wide) {
      for (; c + 4 <= group.inner; c += 4) {
        const Floats<4> w = load<4>(weights + c);
        const Pack<A, 4> x = load<4>(row + c);
        for (int k = 0; k < 4; ++k) sum = fmaf(to_float(x.v[k]), w.v[k], sum);
      }
    }
    for (; c < group.inner; ++c) sum = fmaf(to_float(row[c]), weights[c], sum);
    put(&y.at(r, j), group.alpha * sum, accumulate);
  }
}

template <typename A>
bool is_wide(const GroupedRows& group, const Matrix<const A>& a) {
  const auto address = [](const void* p) { return reinterpret_cast<uintptr_t>(p); };
  return address(group.b) % 16 == 0 && (group.b_stride % 4 == 0 || group.outputs <= 1) && rows_aligned<4>(a) &&
         group.inner_begin % 4 == 0;
}

template <typename A, typename Y>
void start(cudaStream_t stream, std::span<const GroupedRows> groups, const Matrix<const A>& a, bool accumulate,
           const Matrix<Y>& y) {
  GroupTable table;
  int32_t outputs = 0;
  bool wide = true, long_rows = false;
  for (size_t i = 0; i < groups.size(); ++i) {
    table.groups[i] = groups[i];
    outputs = std::max(outputs, groups[i].outputs);
    wide = wide && is_wide(groups[i], a);
    long_rows = long_rows || groups[i].inner >= shortest_long_row;
  }
  const dim3 grid(blocks_for(outputs, long_rows ? warps : threads), static_cast<unsigned>(groups.size()));
  launch(stream, grid, dim3(threads), 0, long_rows ? long_rows_kernel<A, Y> : short_rows_kernel<A, Y>, table, a, wide,
         accumulate, y);
}

}  // namespace

void CudaBackend::grouped_matmul(const GroupedRows* groups, int64_t count, ConstView a, bool accumulate, View y) {
  run("grouped_matmul", [&] {
    const auto by_types = [&](std::span<const GroupedRows> some) {
      const bool a_bf16 = a.dtype == DType::bf16, y_bf16 = y.dtype == DType::bf16;
      if (a_bf16 && y_bf16) {
        start(stream(), some, matrix<const BFloat16>(a), accumulate, matrix<BFloat16>(y));
      } else if (a_bf16) {
        start(stream(), some, matrix<const BFloat16>(a), accumulate, matrix<float>(y));
      } else if (y_bf16) {
        start(stream(), some, matrix<const float>(a), accumulate, matrix<BFloat16>(y));
      } else {
        start(stream(), some, matrix<const float>(a), accumulate, matrix<float>(y));
      }
    };
    for (int64_t begin = 0; begin < count; begin += groups_a_launch)
      by_types(std::span(groups + begin, static_cast<size_t>(std::min<int64_t>(groups_a_launch, count - begin))));
  });
}

}  // namespace peft::cuda
