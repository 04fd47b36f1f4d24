// Folding adapters into base weights of any storage, measured, and taking them out again bit for bit.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "nn/transformer.h"

namespace peft {

// How one tensor fared. dW is the wanted update in f32, dW' what decoding the stored result gives minus the
// base.
struct MergeTensor {
  std::string path;        // the checkpoint's name
  DType dtype;             // that the update was rounded to, in memory or in the file
  double retained = 1;     // <dW', dW> / |dW|^2; 1 when dW is zero
  double update_norm = 0;  // |dW|, Frobenius
  double weight_norm = 0;  // |W|
};

struct MergeReport {
  std::vector<MergeTensor> tensors;
  double minimum_retained = 1, mean_retained = 1;
  int64_t below_minimum = 0;
};

// Replaced parameters and what was there before. Originals live until restored or dropped.
class MergedWeights {
 public:
  // Computes the merged value of every tensor that `hooks` changes, without touching the model: linear hooks
  // by LinearHook::merged, embedding hooks by theirs, replaced parameters by their copies (a tied head that
  // is replaced or adapted gets a weight of its own). f32, f16 and bf16 stay; NF4 is quantized again; other
  // quantized blocks are Code::unsupported, naming the tensor and what to do. Prompts are Code::unsupported.
  // Non-finite results are Code::numeric. Polls `cancel` at every tensor.
  // `file`: type that the merged model will be saved as, whose rounding the figures then count too (the
  // values put into the model do not have it).
  static MergedWeights compute(const Transformer& model, const HookTable& hooks, Context& context,
                               const CancelToken* cancel, std::optional<DType> file = {});
  MergeReport report(double minimum) const;
  // Puts the merged values into the model, keeping what they replace. The caller holds the model alone.
  void apply(Transformer& model);
  // Puts the originals back, bit for bit, tied heads tied again.
  void restore(Transformer& model);
  void drop_originals();
  int64_t original_bytes() const;

 private:
  struct Change {
    ParameterId id;
    Tensor value, original;
    ParameterId original_tie = no_parameter;
    MergeTensor figures;
  };
  // A parameter that shared a merged one's tensor and keeps the old one.
  struct Untied {
    ParameterId id, tied_to;
  };
  std::vector<Change> changes_;
  std::vector<Untied> untied_;
};

}  // namespace peft
