// Launches that wait to be started together.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "cuda/launch.h"

namespace peft::cuda {

struct QueuedLaunch {
  KernelLaunch launch;
  const char* what;    // the backend's call, for errors
  size_t arguments;    // where they begin among the window's
  uint64_t hash;       // of sizes and arguments
};

// Windows of the same kernels have their arguments at the same places. Keeps its memory when it is emptied.
class Window {
 public:
  void reserve(size_t launches);
  void add(const KernelLaunch& launch, const std::byte* arguments, const char* what);
  void clear();

  size_t size() const { return launches_.size(); }
  const QueuedLaunch& operator[](size_t i) const { return launches_[i]; }
  // The address of each argument, as CUDA wants them; as long as nothing is added.
  std::array<void*, most_parameters> arguments(size_t i) const;
  uint64_t kernels() const { return kernels_; }  // a hash

  // Whether the same kernels come in the same order.
  bool same_kernels(const Window& other) const;
  // Whether launch i of both is the same one, kernels being the same.
  bool same_launch(size_t i, const Window& other) const;
  void assign(size_t i, const Window& other);  // launch i becomes the other's, kernels being the same

 private:
  std::vector<QueuedLaunch> launches_;
  std::vector<std::byte> arguments_;
  uint64_t kernels_ = 0;
};

// Starts one launch at once.
void start_now(cudaStream_t stream, const Window& window, size_t i);

}  // namespace peft::cuda
