// What the run time knows of kernels beside their address, as CUDA's does from what nvcc registers.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <utility>

#include "runtime_api.h"

namespace cuda_emulator {

// A kernel's parameters, erased: how to copy them, and how to call a kernel with them.
struct Signature {
  size_t count;
  const size_t* sizes;
  // `arguments`: one address for each parameter.
  void (*call)(const void* kernel, void* const* arguments);
};

template <typename... Parameters>
struct SignatureOf {
  static constexpr std::array<size_t, sizeof...(Parameters) + 1> sizes = {sizeof(Parameters)..., 0};

  static void call(const void* kernel, void* const* arguments) {
    call_with(kernel, arguments, std::index_sequence_for<Parameters...>());
  }
  template <size_t... Index>
  static void call_with(const void* kernel, [[maybe_unused]] void* const* arguments, std::index_sequence<Index...>) {
    reinterpret_cast<void (*)(Parameters...)>(const_cast<void*>(kernel))(
        *static_cast<Parameters*>(arguments[Index])...);
  }
  static constexpr Signature value = {sizeof...(Parameters), sizes.data(), &call};
};

void register_kernel(const void* kernel, const Signature* signature);
// Before a kernel is started by its address, by cudaLaunchKernel() or as a node of a graph.
template <typename... Parameters>
void register_kernel(void (*kernel)(Parameters...)) {
  register_kernel(reinterpret_cast<const void*>(kernel), &SignatureOf<Parameters...>::value);
}

// What is asked for of a kernel: a launch that waits, or a node of a graph.
struct KernelCall {
  const void* kernel = nullptr;
  dim3 grid, block;
  size_t shared_bytes = 0;
  std::function<void()> thread;  // with the arguments as they were when it was asked for
};
// cudaErrorInvalidDeviceFunction for a kernel that was not registered; what else cannot be started is an error too.
cudaError_t make_call(const void* kernel, dim3 grid, dim3 block, size_t shared_bytes, void* const* arguments,
                      KernelCall* call);

}  // namespace cuda_emulator
