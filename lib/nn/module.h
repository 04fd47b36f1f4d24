// The parts of a transformer that adapters can name, and the parameters behind them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "nn/spec.h"
#include "tensor/tensor.h"

namespace peft {

enum class ModuleKind : uint8_t { linear, embedding, norm, head };

using ParameterId = int32_t;
inline constexpr ParameterId no_parameter = -1;

// One tensor of the base model. Frozen and shared; replaced only while nobody else holds the model.
struct Parameter {
  std::string name;  // ours: "blocks.3.attention.query.weight"
  std::string path;  // the checkpoint's: "model.layers.3.self_attn.q_proj.weight"
  Shape shape;       // as the checkpoint has it
  Tensor value;      // undefined until loaded
  ParameterId tied_to = no_parameter;  // shares that parameter's tensor and is not stored on its own
  bool on_host = false;  // the value lies in pinned host memory beside a device's (Context::empty_on_host)
};

struct Module {
  std::string name;  // ours: "blocks.3.attention.query"
  std::string path;  // the checkpoint's: "model.layers.3.self_attn.q_proj"
  ModuleKind kind = ModuleKind::linear;
  int32_t layer = -1;  // block it belongs to; -1: none
  int64_t in_features = 0, out_features = 0;  // embedding: vocabulary, width; norm: width, width
  WeightLayout layout = WeightLayout::out_in;  // of the weight in memory
  bool conv1d = false;                         // a Conv1D in Transformers, whatever the layout here (adapter configs say so)
  ParameterId weight = no_parameter, bias = no_parameter;
  int32_t group = -1;   // linear layers that read the same input share a group
  int32_t member = 0;   // place in the group
};

// Linear layers that share an input: q/k/v, gate/up; every other linear layer is a group of one.
struct LinearGroup {
  std::vector<int32_t> modules;  // indices into the module list, in execution order
};

// Everything that follows from a spec alone: modules, parameters and groups in execution order, paths still empty.
struct Layout {
  std::vector<Module> modules;
  std::vector<Parameter> parameters;
  std::vector<LinearGroup> groups;

  int32_t module(const std::string& name) const;  // index by our name; throws Code::internal
};

Layout describe(const ModelSpec& spec);

}  // namespace peft
