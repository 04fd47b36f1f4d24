// Kernels, products of a library, uploads and downloads in one order, whatever waits in a queue or runs as a CUDA
// graph: a random program gives the bits that the CPU gives.
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "support/device.h"

namespace peft {
namespace {

// Every step is exact or rounds once, so that all devices agree: factors are powers of two, the matrix a permutation.
class Program {
 public:
  explicit Program(Context& context) : context_(context) {
    for (Tensor& tensor : tensors_) tensor = context.zeros({rows, columns});
    std::vector<float> permutation(columns * columns);
    for (int64_t i = 0; i < columns; ++i) permutation[static_cast<size_t>(i * columns + (7 * i + 3) % columns)] = 1.0f;
    permutation_ = context.from_host(std::span<const float>(permutation), {columns, columns});
    const int64_t bytes = context.backend().matmul_scratch({}, tensors_[0].shape(), permutation_.shape(), DType::f32,
                                                           DType::f32);
    scratch_ = context.scratch(bytes);
  }

  // `steps` between two downloads. The same seed gives the same kernels; `value` is an argument of some.
  std::vector<float> run(unsigned seed, int steps, float value) {
    std::mt19937 random(seed);
    for (int i = 0; i < steps; ++i) step(random, value);
    return context_.to_host(tensors_[random() % count]);
  }

 private:
  static constexpr int64_t rows = 70, columns = 32;
  static constexpr size_t count = 3;

  void step(std::mt19937& random, float value) {
    Backend& backend = context_.backend();
    const size_t from = random() % count;
    const Tensor& x = tensors_[from];
    Tensor& y = tensors_[(from + 1 + random() % (count - 1)) % count];
    switch (random() % 24) {
      case 0:
        return backend.matmul({}, x.const_view(), permutation_.const_view(), y.view(),
                              scratch_.defined() ? scratch_.view() : View{});
      case 1: {
        const std::vector<float> sent(columns, value);
        return backend.copy_from_host(std::as_bytes(std::span(sent)).data(), y.view().data, columns * 4);
      }
      case 2: {  // memory that goes back to the device while kernels wait for it
        Tensor own = context_.empty_shared(x.shape(), DType::f32);
        backend.scale(0.25f, x.const_view(), /*accumulate=*/false, own.view());
        return backend.scale(0.5f, own.const_view(), /*accumulate=*/true, y.view());
      }
      case 3:
        return backend.fill(y.view(), value);
      case 4:
        return backend.copy(x.const_view(), y.view());
      default:
        return backend.scale(0.25f, x.const_view(), /*accumulate=*/random() % 2 == 0, y.view());
    }
  }

  Context& context_;
  Tensor tensors_[count], permutation_, scratch_;
};

class LaunchOrder : public DeviceTest {
 protected:
  void check() {
    const auto own = make_context();  // a queue of its own, made now
    const auto cpu = std::make_unique<Context>(find_device("cpu").create_backend(1));
    Program program(*own), reference(*cpu);
    for (int round = 0; round < 6; ++round)
      for (const unsigned seed : {1u, 2u, 3u}) {
        const auto value = static_cast<float>(round / 2);
        EXPECT_EQ(program.run(seed, 150, value), reference.run(seed, 150, value)) << seed << " round " << round;
      }
  }
};

TEST_P(LaunchOrder, IsTheOrderOfTheCalls) { check(); }

TEST_P(LaunchOrder, IsTheSameWithoutGraphs) {
  setenv("LIBPEFT_CUDA_GRAPHS", "0", 1);
  check();
  unsetenv("LIBPEFT_CUDA_GRAPHS");
}

INSTANTIATE_TEST_SUITE_P(Devices, LaunchOrder, every_device());

}  // namespace
}  // namespace peft
