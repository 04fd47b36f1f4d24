#include "base/memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/checked.h"
#include "base/error.h"
#include "base/process.h"

namespace peft {
namespace {

constexpr int64_t huge_page = int64_t{2} << 20;
constexpr int64_t mapped_from = 2 * huge_page;
constexpr int64_t alignment = 64;
constexpr int64_t largest_block = int64_t{1} << 46;  // the user half of the address space

// A field of /proc/self/status or /proc/meminfo in bytes ("VmRSS:   123 kB"); 0 when absent.
int64_t kernel_figure(const char* path, const char* field) {
  FILE* file = std::fopen(path, "re");
  if (!file) return 0;
  char line[256];
  long long kilobytes = 0;
  const size_t length = std::strlen(field);
  while (std::fgets(line, sizeof line, file))
    if (std::strncmp(line, field, length) == 0) {
      kilobytes = std::strtoll(line + length, nullptr, 10);
      break;
    }
  std::fclose(file);
  return kilobytes * 1024;
}

void* map_block(int64_t bytes) {
  // One huge page more than needed, so that an aligned block lies inside; the rest goes back at once.
  const size_t size = static_cast<size_t>(round_up(bytes, huge_page));
  const size_t mapped = size + huge_page;
  void* map = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (map == MAP_FAILED) return nullptr;
  char* begin = static_cast<char*>(map);
  char* block = begin + (-reinterpret_cast<uintptr_t>(begin) & (huge_page - 1));
  if (block > begin) munmap(begin, static_cast<size_t>(block - begin));
  char* const end = begin + mapped;
  if (block + size < end) munmap(block + size, static_cast<size_t>(end - (block + size)));
  madvise(block, size, MADV_HUGEPAGE);
  return block;
}

}  // namespace

int64_t peak_resident_bytes() { return kernel_figure("/proc/self/status", "VmHWM:"); }
int64_t current_resident_bytes() { return kernel_figure("/proc/self/status", "VmRSS:"); }

int64_t available_memory_bytes() {
  const int64_t system = kernel_figure("/proc/meminfo", "MemAvailable:");
  const int64_t group = cgroup_free_bytes();
  return group < 0 ? system : std::min(system, group);
}

void* allocate_block(int64_t bytes) {
  PEFT_ASSERT(bytes >= 0);
  void* block = nullptr;
  if (bytes >= mapped_from && bytes <= largest_block) {
    block = map_block(bytes);
  } else if (bytes < mapped_from) {
    const size_t size = static_cast<size_t>(round_up(std::max<int64_t>(bytes, 1), alignment));
    block = std::aligned_alloc(alignment, size);
    if (block) std::memset(block, 0, size);
  }
  check(block != nullptr, Code::out_of_memory, "cannot allocate {} bytes", bytes);
  return block;
}

void free_block(void* block, int64_t bytes) noexcept {
  if (!block) return;
  if (bytes >= mapped_from)
    munmap(block, static_cast<size_t>(round_up(bytes, huge_page)));
  else
    std::free(block);
}

}  // namespace peft
