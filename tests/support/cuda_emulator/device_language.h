// What kernels are written with. Threads of a block are fibers of one host thread (block.h); shared variables
// are static, which is right because only one block runs at a time.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "block.h"
#include "types.h"

#define __global__
#define __device__
#define __host__
#define __constant__
#define __grid_constant__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __align__(bytes) __attribute__((aligned(bytes)))
// Thread-local variables of a module lie together, so that a launch can fill them with NaN
// (static_shared.cpp). The address sanitizer, on the other hand, puts red zones round plain static variables
// only.
#ifdef __SANITIZE_ADDRESS__
#define __shared__ static
#else
#define __shared__ static thread_local
#endif

inline constexpr int warpSize = 32;

// The running thread; set when its fiber goes on.
#define threadIdx (::cuda_emulator::place.thread)
#define blockIdx (::cuda_emulator::place.block)
#define blockDim (::cuda_emulator::place.block_size)
#define gridDim (::cuda_emulator::place.grid_size)

#define PEFT_CALL_SITE const char *file = __builtin_FILE(), int line = __builtin_LINE()

inline void __syncthreads(PEFT_CALL_SITE) { cuda_emulator::block_barrier({file, line}); }
inline int __syncthreads_or(int predicate, PEFT_CALL_SITE) {
  return cuda_emulator::block_vote(predicate != 0, {file, line}) != 0;
}
inline int __syncthreads_and(int predicate, PEFT_CALL_SITE) {
  return cuda_emulator::block_vote(predicate == 0, {file, line}) == 0;
}
inline int __syncthreads_count(int predicate, PEFT_CALL_SITE) {
  return static_cast<int>(cuda_emulator::block_vote(predicate != 0, {file, line}));
}
inline void __syncwarp(unsigned mask = 0xffffffffu, PEFT_CALL_SITE) {
  cuda_emulator::warp_exchange(cuda_emulator::WarpCall::barrier, mask, 0, 0, {file, line});
}

namespace cuda_emulator {

template <typename T>
T shuffle(WarpCall call, unsigned mask, T value, unsigned source, Site site) {
  static_assert(std::is_trivially_copyable_v<T> && (sizeof(T) == 4 || sizeof(T) == 8 || sizeof(T) == 2));
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof value);
  bits = warp_exchange(call, mask, bits, source, site);
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

// Lanes read within their group of `width` lanes; one that would read outside of it keeps its own value.
inline unsigned source_lane(unsigned wanted, unsigned lane, unsigned width) {
  return wanted / width == lane / width ? wanted : lane;
}

}  // namespace cuda_emulator

template <typename T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32, PEFT_CALL_SITE) {
  const unsigned lane = cuda_emulator::lane(), w = static_cast<unsigned>(width);
  const unsigned from = lane / w * w + static_cast<unsigned>(source) % w;
  return cuda_emulator::shuffle(cuda_emulator::WarpCall::shuffle, mask, value, from, {file, line});
}
template <typename T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32, PEFT_CALL_SITE) {
  const unsigned lane = cuda_emulator::lane(), w = static_cast<unsigned>(width);
  const unsigned from = lane % w >= delta ? lane - delta : lane;
  return cuda_emulator::shuffle(cuda_emulator::WarpCall::shuffle_up, mask, value, from, {file, line});
}
template <typename T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32, PEFT_CALL_SITE) {
  const unsigned lane = cuda_emulator::lane(), w = static_cast<unsigned>(width);
  const unsigned from = cuda_emulator::source_lane(lane + delta, lane, w);
  return cuda_emulator::shuffle(cuda_emulator::WarpCall::shuffle_down, mask, value, from, {file, line});
}
template <typename T>
T __shfl_xor_sync(unsigned mask, T value, int lanes, int width = 32, PEFT_CALL_SITE) {
  const unsigned lane = cuda_emulator::lane(), w = static_cast<unsigned>(width);
  const unsigned from = cuda_emulator::source_lane(lane ^ static_cast<unsigned>(lanes), lane, w);
  return cuda_emulator::shuffle(cuda_emulator::WarpCall::shuffle_xor, mask, value, from, {file, line});
}
inline unsigned __ballot_sync(unsigned mask, int predicate, PEFT_CALL_SITE) {
  return static_cast<unsigned>(
      cuda_emulator::warp_exchange(cuda_emulator::WarpCall::ballot, mask, predicate != 0, 0, {file, line}));
}
inline int __any_sync(unsigned mask, int predicate, PEFT_CALL_SITE) {
  return cuda_emulator::warp_exchange(cuda_emulator::WarpCall::ballot, mask, predicate != 0, 0,
                                      {file, line}) != 0;
}
inline int __all_sync(unsigned mask, int predicate, PEFT_CALL_SITE) {
  return cuda_emulator::warp_exchange(cuda_emulator::WarpCall::ballot, mask, predicate != 0, 0,
                                      {file, line}) == mask;
}
inline void __trap(PEFT_CALL_SITE) { cuda_emulator::kernel_problem("__trap()", {file, line}); }
#undef PEFT_CALL_SITE

// One thread runs at a time, from one switch to the next: plain memory accesses are atomic and ordered.
template <typename T, typename Change>
T peft_emulated_atomic(T* address, Change change) {
  const T before = *address;
  *address = change(before);
  return before;
}
template <typename T>
T atomicAdd(T* address, std::type_identity_t<T> value) {
  return peft_emulated_atomic(address, [=](T before) { return static_cast<T>(before + value); });
}
template <typename T>
T atomicSub(T* address, std::type_identity_t<T> value) {
  return peft_emulated_atomic(address, [=](T before) { return static_cast<T>(before - value); });
}
template <typename T>
T atomicMax(T* address, std::type_identity_t<T> value) {
  return peft_emulated_atomic(address, [=](T before) { return before < value ? value : before; });
}
template <typename T>
T atomicMin(T* address, std::type_identity_t<T> value) {
  return peft_emulated_atomic(address, [=](T before) { return value < before ? value : before; });
}
template <typename T>
T atomicAnd(T* address, std::type_identity_t<T> value) {
  return peft_emulated_atomic(address, [=](T before) { return before & value; });
}
template <typename T>
T atomicOr(T* address, std::type_identity_t<T> value) {
  return peft_emulated_atomic(address, [=](T before) { return before | value; });
}
template <typename T>
T atomicXor(T* address, std::type_identity_t<T> value) {
  return peft_emulated_atomic(address, [=](T before) { return before ^ value; });
}
template <typename T>
T atomicExch(T* address, std::type_identity_t<T> value) {
  return peft_emulated_atomic(address, [=](T) { return value; });
}
template <typename T>
T atomicCAS(T* address, std::type_identity_t<T> expected, std::type_identity_t<T> value) {
  return peft_emulated_atomic(address, [=](T before) { return before == expected ? value : before; });
}
inline unsigned atomicInc(unsigned* address, unsigned limit) {
  return peft_emulated_atomic(address, [=](unsigned before) { return before >= limit ? 0u : before + 1; });
}

inline void __threadfence() {}
inline void __threadfence_block() {}
inline void __threadfence_system() {}
inline void __nanosleep(unsigned) { cuda_emulator::let_others_run(); }

// Cached and streaming accesses.
#define PEFT_EMULATED_LOAD(name) \
  template <typename T> \
  T name(const T* address) { \
    return *address; \
  }
PEFT_EMULATED_LOAD(__ldg)
PEFT_EMULATED_LOAD(__ldcs)
PEFT_EMULATED_LOAD(__ldcg)
PEFT_EMULATED_LOAD(__ldca)
PEFT_EMULATED_LOAD(__ldlu)
#undef PEFT_EMULATED_LOAD
#define PEFT_EMULATED_STORE(name) \
  template <typename T> \
  void name(T* address, const std::type_identity_t<T>& value) { \
    *address = value; \
  }
PEFT_EMULATED_STORE(__stcs)
PEFT_EMULATED_STORE(__stcg)
PEFT_EMULATED_STORE(__stwb)
PEFT_EMULATED_STORE(__stwt)
#undef PEFT_EMULATED_STORE

#include "device_math.h"
