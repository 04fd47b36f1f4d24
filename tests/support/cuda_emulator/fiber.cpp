#include "fiber.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "sanitizer.h"

namespace cuda_emulator {
namespace {

constexpr size_t stack_size = (sanitized ? 256 : 64) * 1024;
constexpr size_t guard = 4096;

// Whom the last switch left.
Fiber* left = nullptr;

}  // namespace

#ifdef __x86_64__
// Keeps what a function call must keep, and nothing else.
extern "C" void peft_emulator_switch(void** from, void* to);
asm(R"(
.text
.globl peft_emulator_switch
.hidden peft_emulator_switch
.type peft_emulator_switch, @function
peft_emulator_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size peft_emulator_switch, . - peft_emulator_switch
)");
#endif

Fiber::Fiber(void (*entry)(), size_t number) {
  mapping_ = mmap(nullptr, stack_size + guard, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping_ == MAP_FAILED || mprotect(mapping_, guard, PROT_NONE) != 0) {
    std::perror("cuda emulator: no memory for the stack of a thread");
    std::abort();
  }
  char* const begin = static_cast<char*>(mapping_) + guard;
  stack_begin_ = begin;
  stack_bytes_ = stack_size;
#ifdef __x86_64__
  // All stacks begin at the same place of a page otherwise, and push each other out of the cache.
  char* const top = begin + stack_size - number * 192 % 4096;
  void** words = reinterpret_cast<void**>(reinterpret_cast<uintptr_t>(top) & ~uintptr_t{15});
  *--words = nullptr;  // where entry would return to; the stack is as after a call
  *--words = reinterpret_cast<void*>(entry);
  for (int i = 0; i < 6; ++i) *--words = nullptr;
  stack_pointer_ = words;
#else
  (void)number;
  getcontext(&context_);
  context_.uc_stack.ss_sp = begin;
  context_.uc_stack.ss_size = stack_size;
  context_.uc_link = nullptr;
  makecontext(&context_, entry, 0);
#endif
}

Fiber::~Fiber() {
  if (!mapping_) return;
  allow(stack_begin_, stack_bytes_);
  munmap(mapping_, stack_size + guard);
}

void Fiber::arrived() {
#ifdef PEFT_EMULATOR_SANITIZED
  // The host's stack is known from here on only.
  const void* begin = nullptr;
  size_t bytes = 0;
  __sanitizer_finish_switch_fiber(nullptr, &begin, &bytes);
  left->stack_begin_ = begin;
  left->stack_bytes_ = bytes;
#endif
}

void Fiber::switch_to(Fiber& from, Fiber& to) {
  left = &from;
#ifdef PEFT_EMULATOR_SANITIZED
  __sanitizer_start_switch_fiber(&from.sanitizer_stack_, to.stack_begin_, to.stack_bytes_);
#endif
#ifdef __x86_64__
  peft_emulator_switch(&from.stack_pointer_, to.stack_pointer_);
#else
  swapcontext(&from.context_, &to.context_);
#endif
#ifdef PEFT_EMULATOR_SANITIZED
  const void* begin = nullptr;
  size_t bytes = 0;
  __sanitizer_finish_switch_fiber(from.sanitizer_stack_, &begin, &bytes);
  left->stack_begin_ = begin;
  left->stack_bytes_ = bytes;
#endif
}

bool Fiber::holds(const void* address) const {
  const auto* const byte = static_cast<const char*>(address);
  const auto* const begin = static_cast<const char*>(mapping_);
  return begin && byte >= begin && byte < begin + guard + stack_bytes_;
}

}  // namespace cuda_emulator
