// Computes nothing, counts bytes and FLOPs as a target device would have them: run a training step on it and
// read the memory estimate. Buffers have addresses but no memory behind them; hosts read zeros.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>

#include "meta/silent_backend.h"

namespace peft {

// Hands out addresses that nobody may follow and counts what a device would hold. Safe for concurrent use.
class MetaMemory final : public MemorySource {
 public:
  // `pages`: as CUDA's driver takes memory: 2 MiB at a time from 1 MiB on, and 512 bytes of a shared 2 MiB below.
  explicit MetaMemory(bool pages = false) : pages_(pages) {}
  std::byte* allocate(int64_t bytes) override;
  void release(std::byte* block, int64_t bytes) noexcept override;
  int64_t held() const { return held_; }
  int64_t peak_held() const { return peak_; }
  int64_t calls() const { return calls_; }  // of allocate
  void reset_peak() { peak_ = held_.load(); }

 private:
  int64_t taken(int64_t bytes) const;

  const bool pages_;
  std::atomic<int64_t> held_{0}, peak_{0}, next_{int64_t{1} << 40}, calls_{0};
};

// Attention's work depends on the segments, which no device memory holds here: it is counted as if every
// query saw all keys of its batch (half of them when causal), an upper bound for packed rows.
struct MetaCounts {
  int64_t matmul_flops = 0;  // a multiply and an add are 2
  int64_t attention_flops = 0;
};

class MetaBackend final : public SilentBackend {
 public:
  // `target` answers for scratch sizes; `own_bytes` are what such a backend takes for itself.
  MetaBackend(std::shared_ptr<MetaMemory> memory, std::shared_ptr<MetaMemory> pinned,
              std::shared_ptr<const Backend> target, int64_t own_bytes = 0);
  ~MetaBackend() override;

  DeviceKind kind() const override { return DeviceKind::meta; }
  std::shared_ptr<MemorySource> memory() const override { return memory_; }
  bool bfloat16_activations() const override { return target_->bfloat16_activations(); }
  std::shared_ptr<MemorySource> pinned_memory() const override {
    return target_->pinned_memory() ? pinned_ : nullptr;
  }

  const MetaCounts& counts() const { return counts_; }
  void reset_counts() { counts_ = {}; }

  void matmul(const MatmulOptions& options, ConstView a, ConstView b, View y, View scratch) override;
  void attention(const AttentionOptions& options, ConstView q, ConstView k, ConstView v, ConstView segments,
                 View out, View lse, View scratch) override;
  void attention_backward(const AttentionOptions& options, ConstView q, ConstView k, ConstView v,
                          ConstView segments, ConstView out, ConstView lse, ConstView dout, View dq, View dk,
                          View dv, View scratch) override;

#define KERNEL(name, ...)
#define SCRATCH(name, ...) int64_t name##_scratch(__VA_ARGS__) const override;
#include "tensor/kernels.def"
#undef KERNEL
#undef SCRATCH

 protected:
  void receive(const std::byte* device, std::byte* host, int64_t bytes) override;
  void send(const std::byte*, std::byte*, int64_t) override {}
  void wait() override {}

 private:
  std::shared_ptr<MetaMemory> memory_, pinned_;
  std::shared_ptr<const Backend> target_;
  int64_t own_bytes_;
  std::byte* own_ = nullptr;
  MetaCounts counts_;
};

// Counts for `target`; every device has a memory, and so counters, of its own. `target` must outlive it.
class MetaDevice final : public Device {
 public:
  explicit MetaDevice(Device& target);
  DeviceKind kind() const override { return DeviceKind::meta; }
  std::string name() const override { return "meta"; }
  std::string description() const override { return "counts memory for " + target_.name(); }
  int64_t total_memory() const override { return target_.total_memory(); }
  int64_t available_memory() const override { return target_.available_memory(); }
  std::unique_ptr<Backend> create_backend(int threads) override;  // a MetaBackend

  MetaMemory& memory() { return *memory_; }
  MetaMemory& pinned_memory() { return *pinned_; }  // of the host

 private:
  Device& target_;
  std::shared_ptr<MetaMemory> memory_, pinned_;
  // By number of threads. One serves all: a real backend of a GPU holds memory there.
  std::mutex mutex_;
  std::map<int, std::shared_ptr<const Backend>> targets_;
};

std::unique_ptr<MetaDevice> make_meta_device(Device& target);

}  // namespace peft
