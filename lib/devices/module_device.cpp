#include "devices/module_device.h"

#include <string>

namespace peft {
namespace {

void raise(const Fault& fault) {
  if (fault.code != 0) throw Error(static_cast<Code>(fault.code), fault.text);
}

class ModuleMemory final : public MemorySource {
 public:
  using Allocate = decltype(ModuleTable::allocate);
  using Release = decltype(ModuleTable::release);
  ModuleMemory(Allocate allocate, Release release, int32_t index)
      : allocate_(allocate), release_(release), index_(index) {}
  std::byte* allocate(int64_t bytes) override {
    Fault fault;
    std::byte* const block = allocate_(index_, bytes, &fault);
    raise(fault);
    PEFT_ASSERT(block != nullptr);
    return block;
  }
  void release(std::byte* block, int64_t bytes) noexcept override { release_(index_, block, bytes); }

 private:
  Allocate allocate_;
  Release release_;
  int32_t index_;
};

class ModuleDevice final : public Device {
 public:
  ModuleDevice(const ModuleTable& module, int32_t index)
      : module_(module),
        index_(index),
        memory_(std::make_shared<ModuleMemory>(module.allocate, module.release, index)),
        pinned_(std::make_shared<ModuleMemory>(module.allocate_host, module.release_host, index)) {}

  DeviceKind kind() const override { return DeviceKind::cuda; }
  std::string name() const override { return "cuda:" + std::to_string(index_); }
  std::string description() const override { return facts().description; }
  int64_t total_memory() const override { return facts().total_memory; }
  int64_t available_memory() const override { return facts().available_memory; }
  int64_t backend_bytes() const override { return module_.backend_bytes; }
  std::unique_ptr<Backend> create_backend(int) override {
    Fault fault;
    std::unique_ptr<Backend> backend(module_.create_backend(index_, memory_, pinned_, &fault));
    raise(fault);
    PEFT_ASSERT(backend != nullptr);
    return backend;
  }

 private:
  DeviceFacts facts() const {
    DeviceFacts facts;
    Fault fault;
    module_.facts(index_, &facts, &fault);
    raise(fault);
    return facts;
  }

  const ModuleTable& module_;
  int32_t index_;
  std::shared_ptr<MemorySource> memory_, pinned_;
};

}  // namespace

std::unique_ptr<Device> make_module_device(const ModuleTable& module, int32_t index) {
  return std::make_unique<ModuleDevice>(module, index);
}

}  // namespace peft
