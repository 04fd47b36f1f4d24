// An owned device buffer, and the pool that an execution context takes its buffers from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace peft {

// Where raw memory comes from: a device. Safe for concurrent use.
class MemorySource {
 public:
  virtual ~MemorySource() = default;
  virtual std::byte* allocate(int64_t bytes) = 0;  // 64-byte aligned at least; throws Code::out_of_memory
  virtual void release(std::byte* block, int64_t bytes) noexcept = 0;
};

// A buffer. Freed where its last holder lets go, to the source or pool that made it.
class Storage {
 public:
  virtual ~Storage() = default;
  std::byte* data() const { return data_; }
  int64_t bytes() const { return bytes_; }

 protected:
  Storage(std::byte* data, int64_t bytes) : data_(data), bytes_(bytes) {}
  std::byte* data_;
  int64_t bytes_;
};

// A buffer straight from the source: for weights and other long-lived, shared data. Any thread may free it.
std::shared_ptr<Storage> make_storage(std::shared_ptr<MemorySource> source, int64_t bytes);

struct PoolStatistics {
  int64_t used = 0;       // bytes handed out now
  int64_t peak_used = 0;  // highest `used`
  int64_t held = 0;       // bytes taken from the source now
  int64_t peak_held = 0;  // what the process really pays
};

// Best fit with splitting and coalescing over large regions, in one thread. Buffers return to it and are
// reused without a call to the source; the sequence of requests alone decides the layout, so the meta device
// counts exactly what a real one holds. Buffers keep the pool alive.
class MemoryPool : public std::enable_shared_from_this<MemoryPool> {
 public:
  // `limit_bytes` bounds what may be held; 0 = no bound. Exceeding it throws Code::out_of_memory with the
  // figures. Where $LIBPEFT_NO_POOL is set nothing is pooled.
  static std::shared_ptr<MemoryPool> create(std::shared_ptr<MemorySource> source, int64_t limit_bytes = 0);
  virtual ~MemoryPool() = default;
  virtual std::shared_ptr<Storage> allocate(int64_t bytes) = 0;
  virtual void trim() = 0;  // gives regions without a used byte back to the source
  virtual const PoolStatistics& statistics() const = 0;
  virtual void reset_peak() = 0;
};

}  // namespace peft
