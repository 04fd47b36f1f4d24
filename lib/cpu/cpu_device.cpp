// The device "cpu": what it is called and how much memory it has.
#include <cpuid.h>
#include <unistd.h>

#include <cstring>

#include "base/memory.h"
#include "base/threads.h"
#include "cpu/cpu_backend.h"
#include "hwy/targets.h"

namespace peft {
namespace {

class HostMemory final : public MemorySource {
 public:
  std::byte* allocate(int64_t bytes) override { return static_cast<std::byte*>(allocate_block(bytes)); }
  void release(std::byte* block, int64_t bytes) noexcept override { free_block(block, bytes); }
};

// The brand string that the CPU reports, without its padding.
std::string cpu_model() {
  unsigned words[12] = {};
  unsigned highest = __get_cpuid_max(0x80000000u, nullptr);
  if (highest < 0x80000004u) return "x86-64 CPU";
  for (unsigned leaf = 0; leaf < 3; ++leaf) {
    unsigned* part = words + 4 * leaf;
    __get_cpuid(0x80000002u + leaf, part, part + 1, part + 2, part + 3);
  }
  char text[49] = {};
  std::memcpy(text, words, 48);
  std::string name = text;
  const size_t first = name.find_first_not_of(' '), last = name.find_last_not_of(' ');
  return first == std::string::npos ? "x86-64 CPU" : name.substr(first, last - first + 1);
}

// The set that Highway's kernels run on, and the product units that oneDNN and the int8 rows may use.
std::string instruction_sets() {
  const int64_t supported = hwy::SupportedTargets();
  if (supported & HWY_AVX3) {
    std::string text = "AVX-512";
    if (__builtin_cpu_supports("avx512vnni")) text += " VNNI";
    if (__builtin_cpu_supports("avx512bf16")) text += " BF16";
    unsigned a = 0, b = 0, c = 0, d = 0;
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d) && (d >> 22 & 1) != 0) text += " AMX";
    return text;
  }
  return supported & HWY_AVX2 ? "AVX2" : "SSE2";
}

class CpuDevice final : public Device {
 public:
  CpuDevice()
      : memory_(std::make_shared<HostMemory>()), description_(cpu_model() + ", " + instruction_sets()) {}

  DeviceKind kind() const override { return DeviceKind::cpu; }
  std::string name() const override { return "cpu"; }
  std::string description() const override { return description_; }
  int64_t total_memory() const override { return int64_t{sysconf(_SC_PHYS_PAGES)} * sysconf(_SC_PAGE_SIZE); }
  int64_t available_memory() const override { return available_memory_bytes(); }
  std::unique_ptr<Backend> create_backend(int threads) override {
    return std::make_unique<CpuBackend>(memory_, threads > 0 ? threads : available_threads());
  }

 private:
  std::shared_ptr<MemorySource> memory_;
  std::string description_;
};

}  // namespace

std::unique_ptr<Device> make_cpu_device() { return std::make_unique<CpuDevice>(); }

}  // namespace peft
