// A stack of its own, and switches between stacks: an assembly switch on x86-64, ucontext elsewhere. The
// address sanitizer is told of every switch.
#pragma once

#include <cstddef>

#ifndef __x86_64__
#include <ucontext.h>
#endif

namespace cuda_emulator {

class Fiber {
 public:
  // The host's stack, while it waits for fibers.
  Fiber() = default;
  // `entry` runs at the first switch to the fiber and must never return. `number` spreads stacks over cache
  // lines.
  Fiber(void (*entry)(), size_t number);
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  // Leaves `from`, which is running, for `to`. Returns when something switches back to `from`.
  static void switch_to(Fiber& from, Fiber& to);
  // First thing of an entry function, which a switch does not return into.
  static void arrived();

  bool holds(const void* address) const;

 private:
  void* mapping_ = nullptr;
  const void* stack_begin_ = nullptr;
  size_t stack_bytes_ = 0;
  void* sanitizer_stack_ = nullptr;
#ifdef __x86_64__
  void* stack_pointer_ = nullptr;
#else
  ucontext_t context_;
#endif
};

}  // namespace cuda_emulator
