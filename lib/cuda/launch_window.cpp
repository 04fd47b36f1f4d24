#include "cuda/launch_window.h"

#include <cstring>

namespace peft::cuda {
namespace {

constexpr size_t usual_argument_bytes = 256;

uint64_t mix(uint64_t hash, uint64_t word) {
  hash = (hash ^ word) * 0x9E3779B97F4A7C15ull;
  return hash ^ hash >> 29;
}

uint64_t hash_of(const KernelLaunch& launch, const std::byte* arguments) {
  uint64_t hash = 0;
  for (const dim3& size : {launch.grid, launch.block}) {
    hash = mix(hash, uint64_t{size.x} | uint64_t{size.y} << 32);
    hash = mix(hash, size.z);
  }
  hash = mix(hash, launch.shared_bytes);
  for (size_t at = 0; at < launch.layout->bytes; at += sizeof(uint64_t)) {
    uint64_t word;
    std::memcpy(&word, arguments + at, sizeof word);
    hash = mix(hash, word);
  }
  return hash;
}

bool same(const dim3& a, const dim3& b) { return a.x == b.x && a.y == b.y && a.z == b.z; }

}  // namespace

void Window::reserve(size_t launches) {
  launches_.reserve(launches);
  arguments_.reserve(launches * usual_argument_bytes);
}

void Window::add(const KernelLaunch& launch, const std::byte* arguments, const char* what) {
  const size_t begin = arguments_.size();
  arguments_.insert(arguments_.end(), arguments, arguments + launch.layout->bytes);
  launches_.push_back({launch, what, begin, hash_of(launch, arguments)});
  kernels_ = mix(kernels_, reinterpret_cast<uintptr_t>(launch.kernel));
}

void Window::clear() {
  launches_.clear();
  arguments_.clear();
  kernels_ = 0;
}

std::array<void*, most_parameters> Window::arguments(size_t i) const {
  std::array<void*, most_parameters> addresses;
  const ParameterLayout& layout = *launches_[i].launch.layout;
  // CUDA's functions read them alone, whatever their types say.
  std::byte* const begin = const_cast<std::byte*>(arguments_.data()) + launches_[i].arguments;
  for (size_t p = 0; p < layout.count; ++p) addresses[p] = begin + layout.offsets[p];
  return addresses;
}

bool Window::same_kernels(const Window& other) const {
  if (kernels_ != other.kernels_ || size() != other.size()) return false;
  for (size_t i = 0; i < size(); ++i)
    if (launches_[i].launch.kernel != other.launches_[i].launch.kernel) return false;
  return true;
}

bool Window::same_launch(size_t i, const Window& other) const {
  const QueuedLaunch &a = launches_[i], &b = other.launches_[i];
  return a.hash == b.hash && a.launch.shared_bytes == b.launch.shared_bytes && same(a.launch.grid, b.launch.grid) &&
         same(a.launch.block, b.launch.block) &&
         std::memcmp(&arguments_[a.arguments], &other.arguments_[b.arguments], a.launch.layout->bytes) == 0;
}

void Window::assign(size_t i, const Window& other) {
  const QueuedLaunch& from = other.launches_[i];
  PEFT_ASSERT(launches_[i].launch.kernel == from.launch.kernel && launches_[i].arguments == from.arguments);
  launches_[i] = from;
  std::memcpy(&arguments_[from.arguments], &other.arguments_[from.arguments], from.launch.layout->bytes);
}

void start_now(cudaStream_t stream, const Window& window, size_t i) {
  const QueuedLaunch& queued = window[i];
  const KernelLaunch& launch = queued.launch;
  std::array<void*, most_parameters> arguments = window.arguments(i);
  const cudaError_t status =
      cudaLaunchKernel(launch.kernel, launch.grid, launch.block, arguments.data(), launch.shared_bytes, stream);
  if (status != cudaSuccess) [[unlikely]]
    check_cuda(status, fmt::format("kernel launch of '{}', {} x {} x {} blocks of {} x {} threads and {} bytes of shared "
                                   "memory",
                                   queued.what, launch.grid.x, launch.grid.y, launch.grid.z, launch.block.x,
                                   launch.block.y, launch.shared_bytes)
                           .c_str());
}

}  // namespace peft::cuda
