// How kernels start, on a GPU and on the emulation (tests/support/cuda_emulator) alike. Kernels use no <<<>>>, no CUB
// and no cooperative groups; what only a GPU can do (tensor cores, bulk copies, inline PTX) stands in small functions
// with a plain version beside it, under #ifdef PEFT_CUDA_EMULATED.
//
// Inside of CudaBackend::run() a launch waits in the backend's queue, which starts many at once, as a CUDA graph where
// the same ones came before (launch_queue.h). So whatever else is given the stream (copies, events, libraries) is given
// ordered(stream).
#pragma once

#include <cuda_runtime.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>
#include <utility>

#include "base/error.h"

// Dynamic shared memory of the running block, 16-byte aligned, as `type* name`. Once a kernel.
#ifdef PEFT_CUDA_EMULATED
#include <cuda_emulator.h>
#define PEFT_DYNAMIC_SHARED(type, name) \
  type* const name = reinterpret_cast<type*>(cuda_emulator::dynamic_shared_memory())
#else
#define PEFT_DYNAMIC_SHARED(type, name) \
  extern __shared__ __align__(16) unsigned char peft_dynamic_shared_memory[]; \
  type* const name = reinterpret_cast<type*>(peft_dynamic_shared_memory)
#endif

namespace peft::cuda {

inline constexpr unsigned warp_size = 32;

// Throws Code::device, ::device_lost or ::out_of_memory, naming the call and CUDA's own words.
void check_cuda(cudaError_t status, const char* what);

// Whether nothing else can be had of the GPU after this error.
bool is_device_lost(cudaError_t status);

// Starts what waits in the queue of this stream, and gives the stream.
cudaStream_t ordered(cudaStream_t stream);

// Where the parameters of a kernel lie in a packed copy of them.
struct ParameterLayout {
  size_t count, bytes;
  const size_t* offsets;
};

struct KernelLaunch {
  const void* kernel;
  const ParameterLayout* layout;
  dim3 grid, block;
  size_t shared_bytes;
};

// Bytes of shared memory that the kernel declares itself. They count against the same bounds as those of a launch.
size_t static_shared_bytes(const void* kernel);

// Queues the kernel, or starts it where no queue is. `arguments` is packed, and copied.
void start_or_queue(cudaStream_t stream, const KernelLaunch& launch, const std::byte* arguments);

class LaunchQueue;

// While it lives, launches of this thread go through `queue`. `what`: named in errors, a literal.
class QueueScope {
 public:
  QueueScope(LaunchQueue& queue, const char* what);
  ~QueueScope();
  QueueScope(const QueueScope&) = delete;
  QueueScope& operator=(const QueueScope&) = delete;

  static QueueScope* current();
  LaunchQueue& queue() const { return queue_; }
  const char* what() const { return what_; }

 private:
  LaunchQueue& queue_;
  const char* what_;
  QueueScope* before_;
};

inline constexpr size_t parameter_alignment = 16, most_parameters = 32;

template <typename... Parameters>
struct PackedParameters {
  static_assert((std::is_trivially_copyable_v<Parameters> && ...), "arguments are copied as bytes, more than once");
  static_assert(((alignof(Parameters) <= parameter_alignment) && ...) && sizeof...(Parameters) <= most_parameters);

  // The offset of each, and the size of all of them.
  static constexpr std::array<size_t, sizeof...(Parameters) + 1> offsets = [] {
    std::array<size_t, sizeof...(Parameters) + 1> result{};
    const size_t sizes[] = {sizeof(Parameters)..., 0}, alignments[] = {alignof(Parameters)..., parameter_alignment};
    size_t end = 0;
    for (size_t i = 0; i <= sizeof...(Parameters); ++i) {
      result[i] = (end + alignments[i] - 1) / alignments[i] * alignments[i];
      end = result[i] + sizes[i];
    }
    return result;
  }();
  static constexpr size_t bytes = offsets[sizeof...(Parameters)];
  static constexpr ParameterLayout layout = {sizeof...(Parameters), bytes, offsets.data()};

  alignas(parameter_alignment) std::byte data[bytes > 0 ? bytes : parameter_alignment] = {};

  explicit PackedParameters(const Parameters&... values) {
    size_t i = 0;
    (put(values, data + offsets[i++]), ...);
  }

 private:
  // Equal values are to be equal bytes, or graphs would be updated for nothing.
  template <typename T>
  static void put(const T& value, std::byte* to) {
    [[maybe_unused]] T* const copy = ::new (to) T(value);
#if defined(__has_builtin)
#if __has_builtin(__builtin_clear_padding)
    __builtin_clear_padding(copy);
#endif
#endif
  }
};

#if defined(PEFT_CUDA_EMULATED) || defined(__CUDACC__)
// grid and block: sizes in blocks and threads; a grid of no blocks starts nothing. shared_bytes: dynamic shared memory.
template <typename... Parameters, typename... Arguments>
void launch(cudaStream_t stream, dim3 grid, dim3 block, size_t shared_bytes, void (*kernel)(Parameters...),
            Arguments... arguments) {
  if (grid.x == 0 || grid.y == 0 || grid.z == 0) return;
#ifdef PEFT_CUDA_EMULATED
  cuda_emulator::register_kernel(kernel);
#endif
  using Packed = PackedParameters<Parameters...>;
  const Packed packed(static_cast<Parameters>(arguments)...);
  start_or_queue(stream, {reinterpret_cast<const void*>(kernel), &Packed::layout, grid, block, shared_bytes},
                 packed.data);
}
#endif

// Blocks of `threads` that cover `count` elements; a grid-stride loop takes what is beyond `most` blocks.
inline unsigned blocks_for(int64_t count, int64_t threads, int64_t most = int64_t{1} << 30) {
  const int64_t blocks = (count + threads - 1) / threads;
  return static_cast<unsigned>(blocks < most ? blocks : most);
}

}  // namespace peft::cuda
