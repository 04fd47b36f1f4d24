// How to train. Defaults and their sources are those of include/peft/train.h.
#pragma once

#include <cstdint>
#include <string>

#include "tensor/kernel_types.h"

namespace peft {

// What a step keeps of the forward pass for the backward one. In the order of what it costs in time.
enum class ActivationPolicy : uint8_t {
  keep,        // everything that the gradients need
  checkpoint,  // the inputs of layers; the layers are run again
  offload,     // those, in pinned host memory
  automatic,   // the first of these with which the estimate fits the device
};

inline const char* name_of(ActivationPolicy policy) {
  switch (policy) {
    case ActivationPolicy::keep:
      return "kept";
    case ActivationPolicy::checkpoint:
      return "checkpointed";
    case ActivationPolicy::offload:
      return "checkpointed, offloaded to host memory";
    case ActivationPolicy::automatic:
      return "as the memory estimate says";
  }
  return "?";
}

// Which memory holds what a step touches once.
enum class MemoryPlace : uint8_t {
  device,
  host,       // pinned; kernels reach it over the bus
  automatic,  // the host's where the estimate does not fit the device otherwise
};

inline const char* name_of(MemoryPlace placement) {
  switch (placement) {
    case MemoryPlace::device:
      return "in the device's memory";
    case MemoryPlace::host:
      return "in pinned host memory";
    case MemoryPlace::automatic:
      return "as the memory estimate says";
  }
  return "?";
}

// What decides how much of the device a training takes.
struct TrainingMemory {
  ActivationPolicy activations = ActivationPolicy::keep;
  MemoryPlace optimizer = MemoryPlace::device;
};

enum class Schedule : uint8_t { constant, linear, cosine };

struct TrainerOptions {
  int64_t batch_size = 2;
  int64_t accumulation = 4;
  Schedule schedule = Schedule::cosine;
  double epochs = 3;
  int64_t max_steps = 0;  // > 0: goes before epochs
  double learning_rate = 2e-4;
  double warmup_ratio = 0.03;
  int64_t warmup_steps = 0;  // > 0: goes before warmup_ratio
  double weight_decay = 0, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
  double max_grad_norm = 1;  // 0: never clipped
  uint64_t seed = 42;
  bool shuffle = true;
  bool packing = false;
  int64_t packing_length = 0;  // 0: the data set's longest row
  ActivationPolicy activations = ActivationPolicy::keep;
  MemoryPlace optimizer = MemoryPlace::device;  // of AdamW's moments
  Arithmetic arithmetic = Arithmetic::float32;
  int64_t eval_steps = 0, save_steps = 0;
  int64_t save_total_limit = 2;  // 0: all
  bool keep_best = true;
  int64_t early_stopping_patience = 0;
  int64_t max_skipped_in_row = 5;
  std::string output_dir;
};

}  // namespace peft
