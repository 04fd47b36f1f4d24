// Device memory: each allocation is a mapping of its own that ends at a page which cannot be touched, filled
// with NaN, closed to the host.
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>

#include "block.h"
#include "control.h"
#include "queue.h"
#include "sanitizer.h"

namespace cuda_emulator {
namespace {

constexpr size_t page = 4096;
constexpr size_t alignment = 256;
constexpr size_t fill_bytes = size_t{16} << 20;  // few mappings, since each one costs when memory is opened
constexpr unsigned char unwritten = 0xFF;
constexpr unsigned char zone = 0xA5;  // between the last byte and the end of the mapping
constexpr size_t most_quarantined = 256;

struct Allocation {
  unsigned char* mapping = nullptr;
  size_t mapped = 0;  // without the pages before and after
  size_t bytes = 0;
};

struct Memory {
  std::map<const unsigned char*, Allocation> live;  // by address
  std::map<const unsigned char*, size_t> pinned;
  std::deque<Allocation> freed;  // closed for good, so that a late use is seen
  int64_t limit = setting("PEFT_EMULATED_GPU_BYTES", int64_t{4} << 30);
  int depth = 0;  // of Access
};

Memory& memory() {
  static auto* const one = new Memory;
  return *one;
}

size_t rounded(size_t bytes, size_t unit) { return (bytes + unit - 1) / unit * unit; }

void open(const Allocation& a, int protection) {
  if (mprotect(a.mapping, a.mapped, protection) != 0) {
    std::perror("cuda emulator: mprotect");
    std::abort();
  }
}

// A file of NaN, whose pages are copied when they are first written: filling costs nothing for what is not
// used.
int fill_file() {
  static const int file = [] {
    const int made = memfd_create("emulated GPU", 0);
    const std::string text(fill_bytes, static_cast<char>(unwritten));
    if (made < 0 || write(made, text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
      std::perror("cuda emulator: memfd_create");
      std::abort();
    }
    return made;
  }();
  return file;
}

bool map(size_t bytes, Allocation* a) {
  a->mapped = std::max(rounded(bytes, page), page);
  void* const whole =
      mmap(nullptr, a->mapped + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (whole == MAP_FAILED) return false;
  a->mapping = static_cast<unsigned char*>(whole) + page;
  a->bytes = bytes;
  for (size_t at = 0; at < a->mapped; at += fill_bytes)
    if (mmap(a->mapping + at, std::min(fill_bytes, a->mapped - at), PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE, fill_file(), 0) == MAP_FAILED)
      return false;
  return true;
}

const Allocation* holder(const void* address) {
  const auto& live = memory().live;
  auto after = live.upper_bound(static_cast<const unsigned char*>(address));
  if (after == live.begin()) return nullptr;
  --after;
  return static_cast<const unsigned char*>(address) < after->first + std::max<size_t>(after->second.bytes, 1)
             ? &after->second
             : nullptr;
}

}  // namespace

namespace {

// Says what a segmentation fault was, and lets it happen.
void explain_fault(int, siginfo_t* info, void*) {
  const auto* const address = static_cast<const unsigned char*>(info->si_addr);
  const auto near = [&](const Allocation& a) {
    return address >= a.mapping - page && address < a.mapping + a.mapped + page;
  };
  const char* what = "an address that is nobody's";
  size_t bytes = 0;
  for (const auto& [begin, a] : memory().live)
    if (near(a))
      what = address < begin             ? "before"
             : address < begin + a.bytes ? "in"
                                         : "past the end of",
      bytes = a.bytes;
  for (const Allocation& a : memory().freed)
    if (near(a) && bytes == 0) what = "in freed memory, once", bytes = a.bytes;
  const std::string thread = running_thread();
  std::fprintf(stderr, "cuda emulator: %s touches %p, %s an allocation of %zu bytes\n",
               thread.empty() ? "the host" : thread.c_str(), static_cast<const void*>(address), what, bytes);
  signal(SIGSEGV, SIG_DFL);
}

void explain_faults() {
  static const bool done = [] {
    struct sigaction before = {}, ours = {};
    ours.sa_sigaction = explain_fault;
    ours.sa_flags = SA_SIGINFO;
    sigaction(SIGSEGV, nullptr, &before);
    if (before.sa_handler == SIG_DFL) sigaction(SIGSEGV, &ours, nullptr);
    return true;
  }();
  (void)done;
}

}  // namespace

Access::Access() {
  big_lock().lock();
  if (memory().depth++ == 0)
    for (const auto& [address, a] : memory().live) open(a, PROT_READ | PROT_WRITE);
}
Access::~Access() {
  if (--memory().depth == 0)
    for (const auto& [address, a] : memory().live) open(a, PROT_NONE);
  big_lock().unlock();
}

bool is_device_memory(const void* address, size_t bytes) {
  const Allocation* const a = holder(address);
  return a && (bytes == 0 || holder(static_cast<const unsigned char*>(address) + bytes - 1) == a);
}

bool is_pinned_memory(const void* address, size_t bytes) {
  const auto& pinned = memory().pinned;
  const auto* const byte = static_cast<const unsigned char*>(address);
  auto after = pinned.upper_bound(byte);
  if (after == pinned.begin()) return false;
  --after;
  return byte >= after->first && byte + bytes <= after->first + after->second;
}

void limit_memory(int64_t bytes) {
  std::lock_guard lock(big_lock());
  memory().limit = bytes;
}

// What the driver takes for an allocation: pages of 2 MiB, of which small ones share one.
int64_t taken_bytes(size_t bytes) {
  constexpr size_t large = size_t{1} << 20;
  return static_cast<int64_t>(rounded(bytes, bytes >= large ? 2 * large : size_t{512}));
}

}  // namespace cuda_emulator

using namespace cuda_emulator;

extern "C" {

cudaError_t cudaMalloc(void** pointer, size_t bytes) {
  std::lock_guard lock(big_lock());
  if (device_error() != cudaSuccess) return remember(device_error());
  Memory& m = memory();
  Counts& counts = mutable_counts();
  *pointer = nullptr;
  if (bytes == 0) return cudaSuccess;
  explain_faults();
  int64_t& to_fail = injections().allocation;
  if (to_fail == 0) {
    to_fail = -1;
    return remember(cudaErrorMemoryAllocation);
  }
  Allocation a;
  if (taken_bytes(bytes) > m.limit - counts.live_bytes || !map(bytes, &a))
    return remember(cudaErrorMemoryAllocation);
  if (to_fail > 0) --to_fail;
  // The end at the closed page, as near as the alignment lets it.
  const size_t tail = std::min(rounded(bytes, alignment), a.mapped);
  unsigned char* const begin = a.mapping + a.mapped - tail;
  std::memset(begin + bytes, zone, tail - bytes);
  forbid(a.mapping, static_cast<size_t>(begin - a.mapping));
  forbid(begin + bytes, tail - bytes);
  if (m.depth == 0) open(a, PROT_NONE);
  m.live.emplace(begin, a);
  ++counts.allocations;
  ++counts.live_allocations;
  counts.live_bytes += taken_bytes(bytes);
  counts.peak_bytes = std::max(counts.peak_bytes, counts.live_bytes);
  *pointer = begin;
  return cudaSuccess;
}

cudaError_t cudaFree(void* pointer) {
  if (!pointer) return device_error();
  std::lock_guard lock(big_lock());
  Memory& m = memory();
  const auto found = m.live.find(static_cast<unsigned char*>(pointer));
  if (found == m.live.end()) {
    std::fprintf(stderr, "cuda emulator: cudaFree of %p, which is not allocated\n", pointer);
    return remember(cudaErrorInvalidValue);
  }
  drain_all();  // as CUDA does
  const Allocation a = found->second;
  open(a, PROT_READ | PROT_WRITE);
  for (const unsigned char* at = found->first + a.bytes; at < a.mapping + a.mapped; ++at)
    if (*at != zone) {
      lose_device(cudaErrorIllegalAddress,
                  "a kernel wrote past the end of an allocation, which cudaFree noticed");
      break;
    }
  allow(a.mapping, a.mapped);
  m.live.erase(found);
  Counts& counts = mutable_counts();
  --counts.live_allocations;
  counts.live_bytes -= taken_bytes(a.bytes);
  // The address range stays taken for a while, the memory does not.
  mmap(a.mapping, a.mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
  m.freed.push_back(a);
  if (m.freed.size() > most_quarantined) {
    munmap(m.freed.front().mapping - page, m.freed.front().mapped + 2 * page);
    m.freed.pop_front();
  }
  return remember(device_error());
}

cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
  std::lock_guard lock(big_lock());
  if (device_error() != cudaSuccess) return remember(device_error());
  *total = static_cast<size_t>(memory().limit);
  *free = static_cast<size_t>(std::max<int64_t>(0, memory().limit - mutable_counts().live_bytes));
  return cudaSuccess;
}

cudaError_t cudaHostAlloc(void** pointer, size_t bytes, unsigned) {
  std::lock_guard lock(big_lock());
  if (device_error() != cudaSuccess) return remember(device_error());
  *pointer = std::aligned_alloc(alignment, rounded(std::max<size_t>(bytes, 1), alignment));
  if (!*pointer) return remember(cudaErrorMemoryAllocation);
  std::memset(*pointer, unwritten, bytes);
  memory().pinned.emplace(static_cast<unsigned char*>(*pointer), bytes);
  return cudaSuccess;
}
cudaError_t cudaMallocHost(void** pointer, size_t bytes) { return cudaHostAlloc(pointer, bytes, 0); }

cudaError_t cudaFreeHost(void* pointer) {
  if (!pointer) return device_error();
  std::lock_guard lock(big_lock());
  if (memory().pinned.erase(static_cast<unsigned char*>(pointer)) == 0)
    return remember(cudaErrorInvalidValue);
  drain_all();  // copies may still read or write it
  std::free(pointer);
  return device_error();
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  std::lock_guard lock(big_lock());
  if (device_error() != cudaSuccess) return remember(device_error());
  ++mutable_counts().copies;
  if (bytes == 0) return cudaSuccess;
  const bool to_device = is_device_memory(to, bytes), from_device = is_device_memory(from, bytes);
  if (kind == cudaMemcpyDefault)
    kind = to_device ? (from_device ? cudaMemcpyDeviceToDevice : cudaMemcpyHostToDevice)
                     : (from_device ? cudaMemcpyDeviceToHost : cudaMemcpyHostToHost);
  const bool wants_to_device = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
  const bool wants_from_device = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
  if (to_device != wants_to_device || from_device != wants_from_device) {
    std::fprintf(stderr,
                 "cuda emulator: a copy of %zu bytes from %p to %p: not memory of the kind that it names\n",
                 bytes, from, to);
    return remember(cudaErrorInvalidValue);
  }
  if (!wants_from_device &&
      !is_pinned_memory(from, bytes)) {  // pageable memory is read before the call returns
    std::string kept(static_cast<const char*>(from), bytes);
    return enqueue(stream, [to, kept = std::move(kept)] { std::memcpy(to, kept.data(), kept.size()); });
  }
  const cudaError_t error = enqueue(stream, [=] { std::memmove(to, from, bytes); });
  if (error != cudaSuccess || wants_to_device || is_pinned_memory(to, bytes)) return error;
  return drain(stream);  // pageable memory is written before the call returns
}

cudaError_t cudaMemsetAsync(void* to, int value, size_t bytes, cudaStream_t stream) {
  std::lock_guard lock(big_lock());
  if (device_error() != cudaSuccess) return remember(device_error());
  ++mutable_counts().copies;
  if (bytes == 0) return cudaSuccess;
  if (!is_device_memory(to, bytes)) return remember(cudaErrorInvalidValue);
  return enqueue(stream, [=] { std::memset(to, value, bytes); });
}

// The default stream is in order with all others: nothing else is queued while it runs.
cudaError_t cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
  std::lock_guard lock(big_lock());
  if (const cudaError_t error = drain_all(); error != cudaSuccess) return error;
  if (const cudaError_t error = cudaMemcpyAsync(to, from, bytes, kind, nullptr); error != cudaSuccess)
    return error;
  return drain(nullptr);
}
cudaError_t cudaMemset(void* to, int value, size_t bytes) {
  std::lock_guard lock(big_lock());
  if (const cudaError_t error = drain_all(); error != cudaSuccess) return error;
  if (const cudaError_t error = cudaMemsetAsync(to, value, bytes, nullptr); error != cudaSuccess)
    return error;
  return drain(nullptr);
}

}  // extern "C"
