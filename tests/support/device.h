// Runs a suite on every device: class X : public DeviceTest, INSTANTIATE_TEST_SUITE_P(Devices, X,
// every_device()).
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "autograd/tape.h"
#include "devices/devices.h"
#include "support/test_device.h"
#include "tensor/context.h"

namespace peft {

// The CPU, and the first GPU where there is one. gpu_absence() says why there is none; one test a program
// skips with it.
inline std::string gpu_absence() {
  try {
    find_device("cuda:0");
    return {};
  } catch (const Error& error) {
    if (error.code() != Code::device) throw;
    return error.what();
  }
}
inline auto every_device() {
  if (const std::string wanted = test::wanted_device(); !wanted.empty())
    return testing::ValuesIn(std::vector<std::string>{wanted});
  std::vector<std::string> names = {"cpu"};
  if (gpu_absence().empty()) names.push_back("cuda:0");
  return testing::ValuesIn(names);
}

class DeviceTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    device = &find_device(GetParam());
    context = make_context();
  }
  std::unique_ptr<Context> make_context() { return std::make_unique<Context>(device->create_backend(2)); }

  // Uniform in [-1, 1), the same sequence in every run.
  std::vector<float> random_values(int64_t count, float scale = 1.0f) {
    std::vector<float> values(static_cast<size_t>(count));
    for (float& value : values) value = scale * (static_cast<float>(generator_() >> 8) * 0x1.0p-23f - 1.0f);
    return values;
  }
  Tensor random_tensor(const Shape& shape, float scale = 1.0f) {
    return context->from_host(random_values(shape.elements(), scale), shape);
  }
  // A trainable parameter with a zeroed gradient.
  Tensor random_leaf(const Shape& shape, float scale = 1.0f) {
    Tensor value = random_tensor(shape, scale);
    make_leaf(value, context->zeros(shape));
    return value;
  }

  Device* device = nullptr;
  std::unique_ptr<Context> context;

 private:
  std::mt19937 generator_{12345};
};

}  // namespace peft
