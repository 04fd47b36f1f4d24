#include "emulator_kernels.h"

#include "cuda_emulator.h"

namespace faulty {
namespace {

template <typename... Parameters, typename... Arguments>
void start(cudaStream_t stream, dim3 grid, dim3 block, size_t shared_bytes, void (*kernel)(Parameters...),
           Arguments... arguments) {
  cuda_emulator::launch(stream, grid, block, shared_bytes, reinterpret_cast<const void*>(kernel),
                        [=] { kernel(arguments...); });
}

template <Sum Kind>
__device__ float block_sum(float value) {
  __shared__ float partial[32];
  for (int distance = 16; distance > 0; distance /= 2) value += __shfl_xor_sync(0xffffffffu, value, distance);
  const unsigned lane = threadIdx.x % 32, warp = threadIdx.x / 32, warps = blockDim.x / 32;
  if (lane == 0) partial[warp] = value;
  if (Kind == Sum::divergent) {
    if (warp + 1 < warps) __syncthreads();
  } else if (Kind != Sum::without_first_barrier) {
    __syncthreads();
  }
  float sum = 0;
  for (unsigned i = 0; i < warps; ++i) sum += partial[i];
  if (Kind != Sum::without_second_barrier) __syncthreads();
  return sum;
}

template <Sum Kind>
__global__ void sum_kernel(const float* x, float* y) {
  const float value = x[blockIdx.x * blockDim.x + threadIdx.x];
  const float once = block_sum<Kind>(value);
  const float twice = block_sum<Kind>(2 * value);
  if (2 * once != twice) y[blockIdx.x] = -1;
  if (threadIdx.x == 0 && y[blockIdx.x] != -1) y[blockIdx.x] = once;
}

template <Warp Kind>
__global__ void reverse_kernel(const float* x, float* y) {
  __shared__ float lanes[32];
  const int lane = static_cast<int>(threadIdx.x);
  const unsigned all = 0xffffffffu;
  float value = x[lane];
  if (Kind == Warp::right) value = __shfl_xor_sync(all, value, 31);
  if (Kind == Warp::absent_lanes && lane < 16) value = __shfl_xor_sync(all, value, 15);
  if (Kind == Warp::different_calls)
    value = lane < 16 ? __shfl_xor_sync(all, value, 31) : static_cast<float>(__any_sync(all, 1));
  if (Kind == Warp::unnamed_lane && lane < 16) value = __shfl_xor_sync(0xffffu, value, 31);
  if (Kind == Warp::without_barrier) {
    lanes[lane] = value;
    value = lanes[31 - lane];
  }
  y[lane] = value;
}

__global__ void copy_kernel(const float* x, float* y) {
  const unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
  y[i] = x[i];
}

__global__ void increment_kernel(float* y) { y[0] += 1; }
__global__ void triple_kernel(float* y) { y[0] *= 3; }

__global__ void shared_kernel(int written, int read, float* y) {
  auto* const values = static_cast<float*>(cuda_emulator::dynamic_shared_memory());
  for (int i = static_cast<int>(threadIdx.x); i < written; i += static_cast<int>(blockDim.x)) values[i] = 1;
  __syncthreads();
  if (threadIdx.x > 0) return;
  y[0] = 0;
  for (int i = 0; i < read; ++i) y[0] += values[i];
}

__global__ void static_kernel(bool assigned, float* y) {
  __shared__ float value;
  if (assigned) value = 1;
  y[0] = value;
}

__device__ __attribute__((noinline)) float element(const float* values, int index) { return values[index]; }

template <bool Shared>
__global__ void array_kernel(int index, float* y) {
  if constexpr (Shared) {
    __shared__ float values[32];
    for (float& value : values) value = 1;
    y[0] = element(values, index);
  } else {
    float values[32];
    for (float& value : values) value = 1;
    y[0] = element(values, index);
  }
}

__global__ void order_kernel(unsigned* counter, unsigned* order) {
  order[atomicAdd(counter, 1)] = blockIdx.x * blockDim.x + threadIdx.x;
}

__global__ void atomics_kernel(int* results, float* sum) {
  const int value = static_cast<int>(threadIdx.x);
  atomicAdd(&results[0], 1);
  atomicMax(&results[1], value);
  atomicMin(&results[2], -value);
  atomicXor(&results[3], value);
  for (int seen = results[4]; (seen = atomicCAS(&results[4], seen, seen + 2)) % 2 != 0;) {
  }
  atomicAdd(sum, 0.5f);
}

__global__ void waiting_kernel(int* flag) {
  if (threadIdx.x == 0) {
    while (*static_cast<volatile int*>(flag) + 1 != static_cast<int>(blockDim.x)) __nanosleep(100);
  } else {
    atomicAdd(flag, 1);
  }
}

__global__ void votes_kernel(unsigned* y) {
  const unsigned mask = blockDim.x - threadIdx.x / 32 * 32 >= 32 ? 0xffffffffu : (1u << blockDim.x % 32) - 1;
  const bool odd = threadIdx.x % 2 == 1;
  y += 5 * threadIdx.x;
  y[0] = __ballot_sync(mask, odd);
  y[1] = static_cast<unsigned>(__any_sync(mask, threadIdx.x == 3));
  y[2] = static_cast<unsigned>(__all_sync(mask, threadIdx.x < 32));
  y[3] = static_cast<unsigned>(__syncthreads_count(odd));
  y[4] = static_cast<unsigned>(__syncthreads_or(threadIdx.x == 1)) * 2 +
         static_cast<unsigned>(__syncthreads_and(!odd));
}

__global__ void shuffles_kernel(double* y) {
  const double value = 1 + threadIdx.x;
  const unsigned all = 0xffffffffu;
  y += 4 * threadIdx.x;
  y[0] = __shfl_up_sync(all, value, 2, 8);
  y[1] = __shfl_down_sync(all, value, 3, 8);
  y[2] = __shfl_xor_sync(all, value, 12, 8);
  y[3] = __shfl_sync(all, value, 9, 8);
}

__global__ void background_copy_kernel(bool waits, const float* x, float* y) {
  __shared__ float values[32];
  cuda_emulator::begin_copy(&values[threadIdx.x], &x[31 - threadIdx.x], sizeof(float));
  if (waits) cuda_emulator::finish_copies();
  y[threadIdx.x] = values[threadIdx.x];
}

__global__ void places_kernel(unsigned* y) {
  const unsigned thread = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
  const unsigned block = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
  y += 6 * (block * blockDim.x * blockDim.y * blockDim.z + thread);
  y[0] = threadIdx.x, y[1] = threadIdx.y, y[2] = threadIdx.z;
  y[3] = blockIdx.x, y[4] = blockIdx.y, y[5] = blockIdx.z;
}

}  // namespace

void start_sum(Sum kind, cudaStream_t stream, unsigned blocks, unsigned threads, const float* x, float* y) {
  switch (kind) {
    case Sum::right:
      return start(stream, blocks, threads, 0, sum_kernel<Sum::right>, x, y);
    case Sum::without_first_barrier:
      return start(stream, blocks, threads, 0, sum_kernel<Sum::without_first_barrier>, x, y);
    case Sum::without_second_barrier:
      return start(stream, blocks, threads, 0, sum_kernel<Sum::without_second_barrier>, x, y);
    case Sum::divergent:
      return start(stream, blocks, threads, 0, sum_kernel<Sum::divergent>, x, y);
  }
}
void start_warp(Warp kind, cudaStream_t stream, const float* x, float* y) {
  switch (kind) {
    case Warp::right:
      return start(stream, 1, 32, 0, reverse_kernel<Warp::right>, x, y);
    case Warp::absent_lanes:
      return start(stream, 1, 32, 0, reverse_kernel<Warp::absent_lanes>, x, y);
    case Warp::different_calls:
      return start(stream, 1, 32, 0, reverse_kernel<Warp::different_calls>, x, y);
    case Warp::unnamed_lane:
      return start(stream, 1, 32, 0, reverse_kernel<Warp::unnamed_lane>, x, y);
    case Warp::without_barrier:
      return start(stream, 1, 32, 0, reverse_kernel<Warp::without_barrier>, x, y);
  }
}
void start_copy(cudaStream_t stream, unsigned blocks, unsigned threads, const float* x, float* y) {
  start(stream, blocks, threads, 0, copy_kernel, x, y);
}
template <typename... Parameters>
static const void* address_of(void (*kernel)(Parameters...)) {
  cuda_emulator::register_kernel(kernel);
  return reinterpret_cast<const void*>(kernel);
}
const void* copy_kernel_address() { return address_of(copy_kernel); }
const void* increment_kernel_address() { return address_of(increment_kernel); }
const void* triple_kernel_address() { return address_of(triple_kernel); }
void start_shared(cudaStream_t stream, size_t bytes, int written, int read, float* y) {
  start(stream, 1, 32, bytes, shared_kernel, written, read, y);
}
void start_static(cudaStream_t stream, bool assigned, float* y) {
  start(stream, 1, 1, 0, static_kernel, assigned, y);
}
void start_array(bool shared, cudaStream_t stream, int index, float* y) {
  if (shared) return start(stream, 1, 1, 0, array_kernel<true>, index, y);
  start(stream, 1, 1, 0, array_kernel<false>, index, y);
}
void start_order(cudaStream_t stream, unsigned blocks, unsigned threads, unsigned* counter, unsigned* order) {
  start(stream, blocks, threads, 0, order_kernel, counter, order);
}
void start_atomics(cudaStream_t stream, unsigned threads, int* results, float* sum) {
  start(stream, 1, threads, 0, atomics_kernel, results, sum);
}
void start_waiting(cudaStream_t stream, unsigned threads, int* flag) {
  start(stream, 1, threads, 0, waiting_kernel, flag);
}
void start_votes(cudaStream_t stream, unsigned threads, unsigned* y) {
  start(stream, 1, threads, 0, votes_kernel, y);
}
void start_shuffles(cudaStream_t stream, double* y) { start(stream, 1, 32, 0, shuffles_kernel, y); }
void start_background_copy(cudaStream_t stream, bool waits, const float* x, float* y) {
  start(stream, 1, 32, 0, background_copy_kernel, waits, x, y);
}
void start_places(cudaStream_t stream, dim3 grid, dim3 block, unsigned* y) {
  start(stream, grid, block, 0, places_kernel, y);
}

}  // namespace faulty
