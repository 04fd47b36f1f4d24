// The device that suites run on: the CPU, or what PEFT_TEST_DEVICE names ("cuda:0"). Suites of every device
// (support/device.h) run on that one alone then.
#pragma once

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "devices/devices.h"
#include "tensor/context.h"
#include "tensor/tensor.h"

namespace peft::test {

// Empty when no device was asked for.
inline std::string wanted_device() {
  const char* const name = std::getenv("PEFT_TEST_DEVICE");
  return name ? name : "";
}

// Fails where the device is absent: a test never passes on another one.
inline std::unique_ptr<Context> test_context(int threads = 2) {
  const std::string name = wanted_device();
  return std::make_unique<Context>(find_device(name.empty() ? "cpu" : name).create_backend(threads));
}

// What a tensor's buffer holds, wherever it lies.
inline std::vector<std::byte> bytes_of(const Tensor& tensor) {
  std::vector<std::byte> bytes(static_cast<size_t>(storage_bytes(tensor.dtype(), tensor.shape())));
  test_context()->copy_to_host(tensor, bytes);
  return bytes;
}

}  // namespace peft::test
