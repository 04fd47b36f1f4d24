// Products while signals arrive, as managed run times send them to stop threads for their collectors: oneDNN keeps data
// where a handler's frame goes.
#include <gtest/gtest.h>

#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <memory>
#include <thread>
#include <vector>

#include "cpu/onednn.h"

namespace peft {
namespace {

TEST(Signals, do_not_disturb_products) {
  struct sigaction act {}, before {};
  act.sa_handler = [](int) {
    volatile char frame[2048];
    for (char volatile& byte : frame) byte = 0x5a;
  };
  act.sa_flags = SA_RESTART;
  ASSERT_EQ(sigaction(SIGUSR1, &act, &before), 0);
  const pthread_t self = pthread_self();
  std::atomic<bool> over{false};
  std::thread sender([&] {
    while (!over) {
      pthread_kill(self, SIGUSR1);
      std::this_thread::sleep_for(std::chrono::microseconds(20));
    }
  });
  constexpr int64_t m = 9, n = 32, k = 96;  // of those that ended in a corrupted heap within a second
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(500);
  int wrong = 0;
  while (std::chrono::steady_clock::now() < end) {
    // Of the exact sizes, from the heap: what is written beside them shows.
    const std::vector<float> a(m * k, 0.5f), b(k * n, 0.25f);
    std::vector<float> c(m * n, -1.0f);
    Product product;
    product.m = m, product.n = n, product.k = k;
    product.a_stride = k, product.b_stride = n, product.c_stride = n;
    multiply_float32(product, a.data(), b.data(), c.data());
    for (const float value : c) wrong += value != 12.0f;
  }
  over = true;
  sender.join();
  sigaction(SIGUSR1, &before, nullptr);
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace peft
