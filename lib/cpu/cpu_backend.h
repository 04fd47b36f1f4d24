// The CPU: kernels over Highway and oneDNN, cut into fixed slices on the process's thread pool.
//
// Each kernel is defined in the file of its subject: fill, copy in copy.cpp, rms_norm in norm.cpp and so on.
// Slices never depend on threads(), so results are bitwise the same for every thread count.
#pragma once

#include <memory>

#include "tensor/backend.h"

namespace peft {

class CpuBackend final : public Backend {
 public:
  // threads: how many may work at once, at least 1.
  CpuBackend(std::shared_ptr<MemorySource> memory, int threads);

  DeviceKind kind() const override { return DeviceKind::cpu; }
  std::shared_ptr<MemorySource> memory() const override { return memory_; }

  int threads() const { return threads_; }

#define KERNEL(name, ...) void name(__VA_ARGS__) override;
#define SCRATCH(name, ...) int64_t name##_scratch(__VA_ARGS__) const override;
#include "tensor/kernels.def"
#undef KERNEL
#undef SCRATCH

 protected:
  void receive(const std::byte* device, std::byte* host, int64_t bytes) override;
  void send(const std::byte* host, std::byte* device, int64_t bytes) override;
  void wait() override {}

 private:
  std::shared_ptr<MemorySource> memory_;
  int threads_;
};

// The device "cpu"; its description names the CPU and the instruction set that kernels are dispatched to.
std::unique_ptr<Device> make_cpu_device();

}  // namespace peft
