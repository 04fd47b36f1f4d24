#include <algorithm>
#include <cstdlib>
#include <set>
#include <vector>

#include "base/checked.h"
#include "base/error.h"
#include "tensor/storage.h"

namespace peft {
namespace {

constexpr int64_t unit = 64;  // sizes and addresses are multiples of a cache line
constexpr int64_t smallest_region = int64_t{16} << 20;
constexpr int64_t region_unit = 4096;

struct Region;
struct Block;

// Best fit: smallest free block that holds the request, the lowest of those. Addresses play no part.
struct ByFit {
  bool operator()(const Block* a, const Block* b) const;
};
using FreeBlocks = std::set<Block*, ByFit>;

// A piece of a region; pieces of one region form a list in the order of addresses.
struct Block {
  Region* region = nullptr;
  int64_t offset = 0, bytes = 0;
  Block *previous = nullptr, *next = nullptr;
  bool free = true;
  FreeBlocks::node_type node;  // kept while in use, so that giving back allocates nothing and cannot fail
};

struct Region {
  int64_t number = 0;  // counts up, never reused: the order of regions does not depend on their addresses
  std::byte* data = nullptr;
  int64_t bytes = 0;
};

bool ByFit::operator()(const Block* a, const Block* b) const {
  if (a->bytes != b->bytes) return a->bytes < b->bytes;
  if (a->region->number != b->region->number) return a->region->number < b->region->number;
  return a->offset < b->offset;
}

class BestFitPool final : public MemoryPool {
 public:
  BestFitPool(std::shared_ptr<MemorySource> source, int64_t limit_bytes)
      : source_(std::move(source)), limit_(limit_bytes) {}
  BestFitPool(const BestFitPool&) = delete;
  BestFitPool& operator=(const BestFitPool&) = delete;
  ~BestFitPool() override { trim(); }

  std::shared_ptr<Storage> allocate(int64_t bytes) override;
  void trim() override;
  const PoolStatistics& statistics() const override { return statistics_; }
  void reset_peak() override {
    statistics_.peak_used = statistics_.used;
    statistics_.peak_held = statistics_.held;
  }

  void give_back(Block* block) noexcept;

 private:
  Block* find(int64_t bytes);
  Block* add_region(int64_t bytes);
  void split(Block* block, int64_t bytes);
  Block* merge_with_next(Block* block) noexcept;

  std::shared_ptr<MemorySource> source_;
  int64_t limit_;
  int64_t next_number_ = 0;
  FreeBlocks free_;
  PoolStatistics statistics_;
};

class PoolStorage final : public Storage {
 public:
  PoolStorage(std::shared_ptr<BestFitPool> pool, Block* block, int64_t bytes)
      : Storage(block->region->data + block->offset, bytes), pool_(std::move(pool)), block_(block) {}
  PoolStorage(const PoolStorage&) = delete;
  PoolStorage& operator=(const PoolStorage&) = delete;
  ~PoolStorage() override { pool_->give_back(block_); }

 private:
  std::shared_ptr<BestFitPool> pool_;
  Block* block_;
};

std::shared_ptr<Storage> BestFitPool::allocate(int64_t bytes) {
  PEFT_ASSERT(bytes >= 0);
  check(bytes <= (int64_t{1} << 60), Code::out_of_memory, "memory pool: {} bytes requested", bytes);
  const int64_t rounded = std::max(round_up(bytes, unit), unit);
  Block* block = find(rounded);
  if (!block) block = add_region(rounded);
  block->node = free_.extract(block);
  try {
    split(block, rounded);
  } catch (...) {
    free_.insert(std::move(block->node));
    throw;
  }
  block->free = false;
  statistics_.used += block->bytes;
  statistics_.peak_used = std::max(statistics_.peak_used, statistics_.used);
  try {
    return std::make_shared<PoolStorage>(std::static_pointer_cast<BestFitPool>(shared_from_this()), block,
                                         bytes);
  } catch (...) {
    give_back(block);
    throw;
  }
}

Block* BestFitPool::find(int64_t bytes) {
  Region none;
  none.number = -1;
  Block wanted;
  wanted.region = &none;
  wanted.bytes = bytes;
  const auto found = free_.lower_bound(&wanted);
  return found == free_.end() ? nullptr : *found;
}

Block* BestFitPool::add_region(int64_t bytes) {
  int64_t wanted = std::max(round_up(bytes, region_unit), smallest_region);
  if (limit_ > 0) {
    const auto exceeds = [&] { return wanted > limit_ - statistics_.held; };
    if (exceeds()) trim();
    if (exceeds()) wanted = round_up(bytes, unit);  // near the bound: no more than was asked for
    check(!exceeds(), Code::out_of_memory, "memory pool: {} bytes requested, {} in use, {} held, limit {}",
          bytes, statistics_.used, statistics_.held, limit_);
  }
  auto region = std::make_unique<Region>();
  auto block = std::make_unique<Block>();
  try {
    region->data = source_->allocate(wanted);
  } catch (const Error& error) {
    // Idle regions may be what is missing.
    const int64_t held = statistics_.held;
    if (error.code() == Code::out_of_memory) trim();
    if (statistics_.held == held) throw;
    region->data = source_->allocate(wanted);
  }
  region->bytes = wanted;
  region->number = next_number_++;
  block->region = region.release();
  block->bytes = wanted;
  free_.insert(block.get());
  statistics_.held += wanted;
  statistics_.peak_held = std::max(statistics_.peak_held, statistics_.held);
  return block.release();
}

// Cuts `block`, which is not in the set, down to `bytes`; the rest becomes a free block.
void BestFitPool::split(Block* block, int64_t bytes) {
  if (block->bytes == bytes) return;
  auto rest = std::make_unique<Block>();
  rest->region = block->region;
  rest->offset = block->offset + bytes;
  rest->bytes = block->bytes - bytes;
  rest->previous = block;
  rest->next = block->next;
  free_.insert(rest.get());
  if (rest->next) rest->next->previous = rest.get();
  block->next = rest.release();
  block->bytes = bytes;
}

// Neither is in the set.
Block* BestFitPool::merge_with_next(Block* block) noexcept {
  const std::unique_ptr<Block> next(block->next);
  block->bytes += next->bytes;
  block->next = next->next;
  if (block->next) block->next->previous = block;
  return block;
}

void BestFitPool::give_back(Block* block) noexcept {
  statistics_.used -= block->bytes;
  block->free = true;
  if (block->next && block->next->free) {
    free_.erase(block->next);
    block = merge_with_next(block);
  }
  if (block->previous && block->previous->free) {
    block->previous->node = free_.extract(block->previous);
    block = merge_with_next(block->previous);
  }
  free_.insert(std::move(block->node));
}

void BestFitPool::trim() {
  for (auto it = free_.begin(); it != free_.end();) {
    Block* block = *it;
    if (block->bytes != block->region->bytes) {
      ++it;
      continue;
    }
    it = free_.erase(it);
    statistics_.held -= block->region->bytes;
    source_->release(block->region->data, block->region->bytes);
    delete block->region;
    delete block;
  }
}

// Every buffer straight from the source, of exactly its size, for tools that watch the borders of
// allocations: the address sanitizer, compute-sanitizer. $LIBPEFT_NO_POOL asks for it.
class NoPool final : public MemoryPool {
 public:
  NoPool(std::shared_ptr<MemorySource> source, int64_t limit_bytes)
      : source_(std::move(source)), limit_(limit_bytes) {}

  std::shared_ptr<Storage> allocate(int64_t bytes) override {
    PEFT_ASSERT(bytes >= 0);
    check(limit_ == 0 || bytes <= limit_ - statistics_.held, Code::out_of_memory,
          "memory pool: {} bytes requested, {} in use, limit {}", bytes, statistics_.used, limit_);
    auto buffer = std::make_shared<Buffer>(std::static_pointer_cast<NoPool>(shared_from_this()),
                                           make_storage(source_, bytes));
    statistics_.used = statistics_.held += bytes;
    statistics_.peak_used = statistics_.peak_held = std::max(statistics_.peak_held, statistics_.held);
    return buffer;
  }
  void trim() override {}
  const PoolStatistics& statistics() const override { return statistics_; }
  void reset_peak() override { statistics_.peak_used = statistics_.peak_held = statistics_.held; }

 private:
  class Buffer final : public Storage {
   public:
    Buffer(std::shared_ptr<NoPool> pool, std::shared_ptr<Storage> taken)
        : Storage(taken->data(), taken->bytes()), pool_(std::move(pool)), taken_(std::move(taken)) {}
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;
    ~Buffer() override { pool_->statistics_.used = pool_->statistics_.held -= bytes_; }

   private:
    std::shared_ptr<NoPool> pool_;
    std::shared_ptr<Storage> taken_;
  };

  std::shared_ptr<MemorySource> source_;
  int64_t limit_;
  PoolStatistics statistics_;
};

}  // namespace

std::shared_ptr<MemoryPool> MemoryPool::create(std::shared_ptr<MemorySource> source, int64_t limit_bytes) {
  PEFT_ASSERT(source != nullptr && limit_bytes >= 0);
  const char* const pooling = std::getenv("LIBPEFT_NO_POOL");
  if (pooling && *pooling) return std::make_shared<NoPool>(std::move(source), limit_bytes);
  return std::make_shared<BestFitPool>(std::move(source), limit_bytes);
}

}  // namespace peft
