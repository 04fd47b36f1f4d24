// What an execution context computes with. One Backend belongs to one context: it knows its threads or its
// stream.
//
// Backends hold no tensors. Calls on one backend come from one thread at a time; different backends run side
// by side.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/cancel.h"
#include "tensor/kernel_types.h"
#include "tensor/storage.h"
#include "tensor/view.h"

namespace peft {

enum class DeviceKind : uint8_t { cpu, cuda, meta };

// A failure as a value: what crosses the border to a module, over which nothing is thrown.
struct Fault {
  int32_t code = 0;  // a Code; 0 = none
  char text[508] = {};
};

class Backend {
 public:
  virtual ~Backend() = default;
  virtual DeviceKind kind() const = 0;
  // Device memory of this backend; shared by all contexts of the device.
  virtual std::shared_ptr<MemorySource> memory() const = 0;
  // Whether activations may be bf16 (kernels.def). The CPU's are f32 whatever its arithmetic.
  virtual bool bfloat16_activations() const { return false; }
  // Host memory for begin_copy(); null where the device's memory is the host's.
  virtual std::shared_ptr<MemorySource> pinned_memory() const { return nullptr; }

  // Between host and device memory, in the order of the kernels. The host's buffer is free again on return; what was
  // sent is seen by later kernels of this backend, and by others after synchronize(). On meta nothing moves and hosts
  // read zeros.
  void copy_to_host(const std::byte* device, std::byte* host, int64_t bytes) {
    receive(device, host, bytes);
    raise_fault();
  }
  void copy_from_host(const std::byte* host, std::byte* device, int64_t bytes) {
    send(host, device, bytes);
    raise_fault();
  }
  // A copy beside the kernels, between device memory and pinned_memory(): begins when the kernels so far are done; those
  // after join_copy() of its ticket wait for it. Both buffers must stay until it is joined. Copies run in their order.
  int64_t begin_copy(const std::byte* from, std::byte* to, int64_t bytes) {
    const int64_t ticket = start_copy(from, to, bytes);
    raise_fault();
    return ticket;
  }
  void join_copy(int64_t ticket) {
    await_copy(ticket);
    raise_fault();
  }
  // Returns when all kernels are done.
  void synchronize() {
    wait();
    raise_fault();
  }

  // Throws the first failure of the kernels since the last call. Those of a module throw nothing and compute nothing
  // more once one failed; Context::backend() asks before each kernel. After Code::device_lost every call throws.
  void raise_fault() {
    if (fault_.code != 0) [[unlikely]]
      raise();
  }

#define KERNEL(name, ...) virtual void name(__VA_ARGS__) = 0;
#define SCRATCH(name, ...) virtual int64_t name##_scratch(__VA_ARGS__) const = 0;
#include "tensor/kernels.def"
#undef KERNEL
#undef SCRATCH

 protected:
  virtual void receive(const std::byte* device, std::byte* host, int64_t bytes) = 0;
  virtual void send(const std::byte* host, std::byte* device, int64_t bytes) = 0;
  virtual void wait() = 0;
  // Only called on backends with pinned memory.
  virtual int64_t start_copy(const std::byte*, std::byte*, int64_t) { return 0; }
  virtual void await_copy(int64_t) {}

  Fault fault_;

 private:
  [[noreturn]] void raise();
};

// Hash of the kernel list's text: host and module must be of one build. The number counts changes of Backend
// that the list does not show.
constexpr uint64_t kernel_fingerprint() {
  constexpr const char* rows = "border 2;"
#define KERNEL(name, ...) #name "(" #__VA_ARGS__ ");"
#define SCRATCH(name, ...) #name "_scratch(" #__VA_ARGS__ ");"
#include "tensor/kernels.def"
#undef KERNEL
#undef SCRATCH
      "";
  uint64_t hash = 0xcbf29ce484222325ull;  // FNV-1a
  for (const char* c = rows; *c; ++c) hash = (hash ^ static_cast<unsigned char>(*c)) * 0x100000001b3ull;
  return hash;
}

// A device that contexts can be made for. Lives as long as the process.
class Device {
 public:
  virtual ~Device() = default;
  virtual DeviceKind kind() const = 0;
  virtual std::string name() const = 0;         // "cpu", "cuda:0", "meta"
  virtual std::string description() const = 0;  // "AMD EPYC 7B13, AVX2"
  virtual int64_t total_memory() const = 0;
  virtual int64_t available_memory() const = 0;
  // Device memory that each backend takes for itself, beside what contexts ask for.
  virtual int64_t backend_bytes() const { return 0; }
  // threads: 0 = all available; only the CPU uses it.
  virtual std::unique_ptr<Backend> create_backend(int threads) = 0;
};

}  // namespace peft
