// An adapter's design, resolved against one model: which tensors it has, what they are called in files, how they start,
// and the hooks that put them into a forward pass. One implementation per method, in methods/.
//
// A plan is immutable and may be shared by threads.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "nn/hooks.h"
#include "nn/transformer.h"
#include "tensor/context.h"

namespace peft {

enum class Start : uint8_t {
  zeros,
  ones,
  uniform,    // U(-bound, bound)
  normal,     // N(0, bound^2)
  parameter,  // a copy of base parameter `source` (modules_to_save, trained biases)
  rows,       // rows of base parameter `source`, listed in `source_rows` (prompts from text or vocabulary)
};

struct PlannedTensor {
  std::string key;  // in adapter_model.safetensors, the adapter's name left out as PEFT does
  Shape shape;      // in the file
  Start start = Start::zeros;
  float bound = 0.0f;
  ParameterId source = no_parameter;
  std::vector<int32_t> source_rows;
  int32_t layer = -1;  // block it acts in; -1: before the first
  // Tensors with the same non-negative `stack` are row ranges of one buffer, in the order of the list: LoRA's A matrices of
  // layers that share an input, multiplied at once.
  int32_t stack = -1;
};

class Plan {
 public:
  virtual ~Plan() = default;
  virtual std::string_view peft_type() const = 0;  // "LORA"
  const std::vector<PlannedTensor>& tensors() const { return tensors_; }
  // Hooks over `values`, one per planned tensor (f32, dense; stacked ones alias one buffer). scale multiplies the adapter's
  // effect (1: as trained); methods without a linear effect refuse others with Code::unsupported. The table keeps the
  // tensors alive.
  virtual std::shared_ptr<const HookTable> hooks(std::span<const Tensor> values, float scale) const = 0;
  // adapter_config.json as PEFT writes it, every key that PEFT's class for this method has. base_model_name_or_path and
  // inference_mode are set by the writer.
  virtual Json config() const = 0;
  // Modules the plan changes, by the checkpoint's path, sorted.
  virtual std::vector<std::string> target_paths() const = 0;

 protected:
  std::vector<PlannedTensor> tensors_;
};

// A method: a row of methods.cpp.
struct Method {
  std::string_view peft_type;
  // Reads PEFT's configuration strictly: an unknown key with a value other than PEFT's default is Code::unsupported naming
  // the key; no match of the targets is Code::mismatch. `what` names the config in errors.
  std::unique_ptr<Plan> (*plan)(const Transformer& model, const Json& config, const std::string& what);
};

std::span<const Method> methods();
// By config["peft_type"]; Code::unsupported lists the known ones.
std::unique_ptr<Plan> plan_adapter(const Transformer& model, const Json& config, const std::string& what);

}  // namespace peft
