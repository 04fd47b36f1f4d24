// Memory from the heap that counts what is asked of it, and fails when told to.
#pragma once

#include <cstdlib>
#include <map>

#include "base/error.h"
#include "tensor/storage.h"

namespace peft {

class CountingMemory final : public MemorySource {
 public:
  ~CountingMemory() override {
    for (const auto& [block, bytes] : blocks_) std::free(block);
  }
  std::byte* allocate(int64_t bytes) override {
    ++calls;
    check(held + bytes <= capacity, Code::out_of_memory, "counting memory: {} bytes requested, {} left",
          bytes, capacity - held);
    auto* block =
        static_cast<std::byte*>(std::aligned_alloc(64, static_cast<size_t>((bytes + 63) / 64 * 64)));
    blocks_[block] = bytes;
    held += bytes;
    return block;
  }
  void release(std::byte* block, int64_t bytes) noexcept override {
    const auto found = blocks_.find(block);
    if (found == blocks_.end() || found->second != bytes) {
      ++wrong_releases;
      return;
    }
    blocks_.erase(found);
    std::free(block);
    held -= bytes;
  }
  int64_t calls = 0, held = 0, capacity = int64_t{1} << 40, wrong_releases = 0;

 private:
  std::map<std::byte*, int64_t> blocks_;
};

}  // namespace peft
