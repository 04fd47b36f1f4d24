// Buffers of the emulated GPU for its own tests.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cuda_runtime.h>

#include <vector>

#include "support/cuda_emulator/control.h"

namespace cuda_emulator {

template <typename T>
class Buffer {
 public:
  explicit Buffer(size_t count, T value = T{}) : Buffer(std::vector<T>(count, value)) {}
  explicit Buffer(const std::vector<T>& values) : count_(values.size()) {
    EXPECT_EQ(cudaMalloc(&data_, count_ * sizeof(T)), cudaSuccess);
    EXPECT_EQ(cudaMemcpy(data_, values.data(), count_ * sizeof(T), cudaMemcpyHostToDevice), cudaSuccess);
  }
  ~Buffer() { cudaFree(data_); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  T* data() const { return data_; }
  std::vector<T> read() const {
    std::vector<T> values(count_);
    EXPECT_EQ(cudaMemcpy(values.data(), data_, count_ * sizeof(T), cudaMemcpyDeviceToHost), cudaSuccess);
    return values;
  }

 private:
  T* data_ = nullptr;
  size_t count_;
};

class EmulatorTest : public testing::Test {
 protected:
  void SetUp() override { EXPECT_EQ(cudaStreamCreate(&stream), cudaSuccess); }
  void TearDown() override {
    recover();
    shuffle(1);
    EXPECT_EQ(cudaStreamDestroy(stream), cudaSuccess);
  }
  cudaStream_t stream = nullptr;
};

}  // namespace cuda_emulator
