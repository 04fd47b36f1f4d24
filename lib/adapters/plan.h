// An adapter's design, resolved against one model: which tensors it has, what they are called in files, how
// they start, and the hooks that put them into a forward pass. One implementation per method, in methods/.
//
// A plan is immutable and may be shared by threads.
#pragma once

#include <cstdint>
#include <functional>
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

// One tensor of the adapter's file. In memory it is a row range of a buffer: LoRA's A matrices of layers that
// share an input lie one under another, so that they are multiplied at once.
struct PlannedTensor {
  std::string key;  // in adapter_model.safetensors, the adapter's name left out as PEFT does
  Shape shape;      // in the file
  Start start = Start::zeros;
  float bound = 0.0f;
  ParameterId source = no_parameter;
  std::vector<int32_t> source_rows;
  int32_t layer = -1;     // block it acts in; -1: before the first
  int32_t buffer = 0;     // index into Plan::buffers()
  int64_t first_row = 0;  // where it begins there
};

// A pair of tensors whose whole effect is W + alpha / rank * B A on one module (its transpose on an
// embedding).
struct LowRankPair {
  int32_t module = -1;   // index in the layout
  int32_t a = 0, b = 0;  // places in Plan::tensors()
  int64_t rank = 0;
  double alpha = 0;  // with rank-stabilized scaling too: what gives the scale when it is divided by the rank
};

// A base weight that PEFT files with the adapter although it is not trained: an embedding or head among the
// targets (save_embedding_layers="auto").
struct FiledBase {
  std::string key;
  ParameterId parameter = no_parameter;
};

class Plan {
 public:
  virtual ~Plan() = default;
  virtual std::string_view peft_type() const = 0;  // "LORA"
  const std::vector<PlannedTensor>& tensors() const { return tensors_; }
  // Shapes of the f32 buffers that hold the tensors: what a trainer makes leaves of.
  const std::vector<Shape>& buffers() const { return buffers_; }
  // Hooks over the buffers. scale multiplies the adapter's effect (1: as trained); methods without a linear
  // effect refuse others with Code::unsupported. The table keeps the buffers alive.
  virtual std::shared_ptr<const HookTable> hooks(std::span<const Tensor> buffers, float scale) const = 0;
  // adapter_config.json as PEFT writes it, every key that PEFT's class for this method has.
  // base_model_name_or_path and inference_mode are set by the writer.
  virtual Json config() const = 0;
  // Modules the plan changes, by the checkpoint's path, sorted.
  virtual std::vector<std::string> target_paths() const = 0;
  // The adapter as low-rank pairs, one per target; empty for methods that are none.
  virtual std::vector<LowRankPair> low_rank_pairs() const { return {}; }
  const std::vector<FiledBase>& filed_base() const { return filed_base_; }

 protected:
  // Appends a tensor with a buffer of its own and returns its buffer's index.
  int32_t add_tensor(PlannedTensor tensor);

  std::vector<PlannedTensor> tensors_;
  std::vector<Shape> buffers_;
  std::vector<FiledBase> filed_base_;
};

// What a method's plan is made from.
struct PlanInput {
  const Transformer& model;
  const Json& config;  // the text of adapter_config.json
  std::string what;    // names the config in errors
  // Text to token ids, special tokens included, for prompts that start from text; null: no tokenizer at hand.
  std::function<std::vector<int32_t>(std::string_view text)> encode;
  // The tensors come from a file: starts are not needed, so what only starts need (a text, a tokenizer) may
  // be missing.
  bool for_loading = false;
  uint64_t seed = 0;
};

// A method: a row of methods.cpp.
struct Method {
  std::string_view peft_type;
  // Reads PEFT's configuration strictly: an unknown key with a value other than PEFT's default is
  // Code::unsupported naming the key; no match of the targets is Code::mismatch.
  std::unique_ptr<Plan> (*plan)(const PlanInput& input);
};

std::span<const Method> methods();
// By config["peft_type"]; Code::unsupported lists the known ones.
std::unique_ptr<Plan> plan_adapter(const PlanInput& input);

}  // namespace peft
