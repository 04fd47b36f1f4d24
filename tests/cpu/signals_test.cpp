// Products while signals arrive, as managed run times send them to stop threads for their collectors: a
// handler's frame goes below the stack pointer, which must be on the thread's stack.
#include <gtest/gtest.h>

#include <pthread.h>
#include <signal.h>
#include <ucontext.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "cpu/onednn.h"

namespace peft {
namespace {

using Clock = std::chrono::steady_clock;

std::atomic<uintptr_t> stack_begin{0}, stack_end{0};
std::atomic<int> handled{0}, off_stack{0};

void look(int, siginfo_t*, void* context) {
  const auto pointer =
      static_cast<uintptr_t>(static_cast<const ucontext_t*>(context)->uc_mcontext.gregs[REG_RSP]);
  ++handled;
  if (pointer < stack_begin || pointer >= stack_end) ++off_stack;
}

// Signals to this thread, many in a millisecond, while it lives. Their handler has a stack of its own, so
// that it only looks and does not destroy.
class Signals {
 public:
  Signals() : own_stack_(1 << 16) {
    pthread_attr_t attributes;
    void* begin = nullptr;
    size_t size = 0;
    EXPECT_EQ(pthread_getattr_np(pthread_self(), &attributes), 0);
    EXPECT_EQ(pthread_attr_getstack(&attributes, &begin, &size), 0);
    pthread_attr_destroy(&attributes);
    stack_begin = reinterpret_cast<uintptr_t>(begin);
    stack_end = stack_begin + size;
    handled = off_stack = 0;
    stack_t stack{};
    stack.ss_sp = own_stack_.data();
    stack.ss_size = own_stack_.size();
    EXPECT_EQ(sigaltstack(&stack, &stack_before_), 0);
    struct sigaction action {};
    action.sa_sigaction = look;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
    EXPECT_EQ(sigaction(SIGUSR1, &action, &action_before_), 0);
    sender_ = std::thread([this, receiver = pthread_self()] {
      while (!over_) {
        pthread_kill(receiver, SIGUSR1);
        std::this_thread::sleep_for(std::chrono::microseconds(20));
      }
    });
  }
  ~Signals() {
    over_ = true;
    sender_.join();
    sigaction(SIGUSR1, &action_before_, nullptr);
    sigaltstack(&stack_before_, nullptr);
  }

 private:
  std::vector<char> own_stack_;
  stack_t stack_before_{};
  struct sigaction action_before_ {};
  std::atomic<bool> over_{false};
  std::thread sender_;
};

constexpr int64_t shapes[][3] = {
    // m, n, k
    {1, 1, 1},     {3, 5, 7},      {9, 32, 96},     {32, 9, 96},  {17, 33, 65},
    {8, 576, 576}, {31, 100, 255}, {100, 49, 1000}, {64, 64, 64}, {33, 8, 4000},
};

// Each shape in each order for a while: results are exact, and no handler found the stack pointer elsewhere.
template <typename Number, typename Multiply>
void multiply_under_signals(Number half, Number quarter, Multiply multiply) {
  int wrong = 0;
  const Signals signals;
  for (const auto& [m, n, k] : shapes) {
    for (const int order : {0, 1, 2, 3}) {
      Product product;
      product.m = m, product.n = n, product.k = k;
      product.a_transposed = order & 1, product.b_transposed = order & 2;
      product.a_stride = product.a_transposed ? m : k;
      product.b_stride = product.b_transposed ? k : n;
      product.c_stride = n;
      const int off_stack_before = off_stack;
      const auto end = Clock::now() + std::chrono::milliseconds(20);
      do {
        const std::vector<Number> a(static_cast<size_t>(m * k), half), b(static_cast<size_t>(k * n), quarter);
        std::vector<float> c(static_cast<size_t>(m * n), -1.0f);
        multiply(product, a.data(), b.data(), c.data());
        for (const float value : c) wrong += value != 0.125f * static_cast<float>(k);
      } while (Clock::now() < end);
      EXPECT_EQ(off_stack, off_stack_before)
          << m << " " << n << " " << k << (order & 1 ? " T" : " N") << (order & 2 ? "T" : "N");
    }
  }
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(handled, 100);
}

TEST(Signals, find_the_stack_as_it_was_in_float32_products) {
  multiply_under_signals(0.5f, 0.25f, multiply_float32);
}

TEST(Signals, find_the_stack_as_it_was_in_bfloat16_products) {
  if (!has_bfloat16_products()) GTEST_SKIP() << "this CPU has no bf16 products";
  multiply_under_signals<uint16_t>(0x3f00, 0x3e80, multiply_bfloat16);
}

}  // namespace
}  // namespace peft
