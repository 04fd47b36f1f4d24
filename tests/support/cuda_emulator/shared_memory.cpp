#include "shared_memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "block.h"
#include "queue.h"
#include "sanitizer.h"
#include "symbols.h"

namespace cuda_emulator {
namespace {

constexpr size_t page = 4096;
constexpr size_t whole = 256 * 1024;
constexpr size_t zone = 64;              // looked at before and after
constexpr unsigned char written = 0xFF;  // NaN in every format
constexpr unsigned char untouched = 0xA5;

unsigned char* end = nullptr;  // a page that cannot be touched begins here
unsigned char* begin = nullptr;
size_t bytes_now = 0;

size_t rounded(size_t bytes) { return (bytes + 15) / 16 * 16; }

void reserve() {
  void* const mapping =
      mmap(nullptr, whole + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapping == MAP_FAILED || mprotect(static_cast<char*>(mapping) + whole, page, PROT_NONE) != 0) {
    std::perror("cuda emulator: no memory for a block's shared memory");
    std::abort();
  }
  end = begin = static_cast<unsigned char*>(mapping) + whole;
  forbid(mapping, whole);
}

}  // namespace

size_t most_shared_bytes() {
  constexpr int64_t most = 227 * 1024;
  static const auto bytes = static_cast<size_t>(std::clamp<int64_t>(setting("PEFT_EMULATED_SHARED_BYTES", most), 0, most));
  return bytes;
}

void set_dynamic_shared_memory(size_t bytes) {
  if (!end) reserve();
  forbid(begin, bytes_now);  // the last launch's
  begin = end - rounded(bytes);
  bytes_now = bytes;
  allow(begin - zone, zone + rounded(bytes));
  std::memset(begin - zone, untouched, zone);
  std::memset(begin + bytes, untouched, rounded(bytes) - bytes);
  forbid(begin - zone, zone);
  forbid(begin + bytes, rounded(bytes) - bytes);
}

void fill_dynamic_shared_memory() { std::memset(begin, written, bytes_now); }

bool dynamic_shared_memory_is_intact() {
  for (const unsigned char* at = begin - zone; at < begin; ++at)
    if (*at != untouched) return false;
  for (const unsigned char* at = begin + bytes_now; at < end; ++at)
    if (*at != untouched) return false;
  return true;
}

void* dynamic_shared_memory() { return begin; }

void fill_static_shared_memory(const void* kernel) {
  const ThreadStorage storage = thread_storage_of(kernel);  // none where they are instrumented
  if (storage.bytes > 0) std::memset(storage.data, written, storage.bytes);
}

}  // namespace cuda_emulator
