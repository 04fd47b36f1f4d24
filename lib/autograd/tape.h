// Reverse-mode differentiation: ops append to a tape as they run, backward() walks it once from the end.
//
// An op records through record(), which does nothing unless a tape is set and an input needs a gradient, so
// everything below the lowest adapter is a plain forward. What an op keeps it captures in its closure;
// closures are destroyed as the walk passes them, so memory goes back to the pool inside the step.
#pragma once

#include <functional>
#include <initializer_list>
#include <memory>
#include <span>
#include <vector>

#include "tensor/context.h"
#include "tensor/tensor.h"

namespace peft {

// Where the gradient of one tensor is gathered. Activations: of the tensor's own type, undefined until the first
// contribution, taken away when the walk reaches the op that made the tensor. Leaves (trainable parameters): a zeroed
// f32 buffer that stays and sums up.
struct GradTarget {
  Tensor gradient;
  bool leaf = false;
  DType dtype = DType::f32;
};

// A target for the gradient of an activation.
std::shared_ptr<GradTarget> make_target(const Tensor& tensor);

// Makes `value` a leaf: its gradient is summed into `gradient` (same shape, f32, dense, zeroed by the
// caller).
void make_leaf(Tensor& value, Tensor gradient);

// Adds `gradient` to the target. An activation's first contribution is taken over without a copy; later ones
// are added in place when the buffer is not shared with another target.
void contribute(Context& context, GradTarget& target, Tensor gradient);

// Lets a kernel write its contribution straight into the target: fill(destination, accumulate). accumulate ==
// false means the destination is uninitialised and must be overwritten whole.
void contribute(Context& context, GradTarget& target, const Shape& shape,
                const std::function<void(View destination, bool accumulate)>& fill);

using BackwardFunction = std::function<void(Context&, std::span<const Tensor> output_gradients)>;

class Tape {
 public:
  struct Node {
    const char* name;
    std::vector<std::shared_ptr<GradTarget>> outputs;
    BackwardFunction backward;
  };
  void append(Node node) { nodes_.push_back(std::move(node)); }
  // Seeds `root` with `gradient` (undefined: ones) and walks. The tape is empty afterwards, also after an
  // exception. Polls context.cancel at every op. No op records while it runs.
  void backward(Context& context, const Tensor& root, Tensor gradient = {});
  size_t size() const { return nodes_.size(); }
  void clear() { nodes_.clear(); }

 private:
  std::vector<Node> nodes_;
};

// Sets context.tape for a scope.
class TapeScope {
 public:
  TapeScope(Context& context, Tape* tape) : context_(context), previous_(context.tape) {
    context.tape = tape;
  }
  ~TapeScope() { context_.tape = previous_; }
  TapeScope(const TapeScope&) = delete;
  TapeScope& operator=(const TapeScope&) = delete;

 private:
  Context& context_;
  Tape* previous_;
};

// True when an op with these inputs must record.
bool recording(const Context& context, std::initializer_list<const Tensor*> inputs);

// Appends a node for `output` and gives it a gradient target. Call only when recording(). `backward` receives
// the output's gradient; it is not called when none arrived.
void record(Context& context, const char* name, Tensor& output,
            std::function<void(Context&, const Tensor& output_gradient)> backward);
// Several outputs; gradients that did not arrive are undefined tensors, and at least one is defined.
void record(Context& context, const char* name, std::span<Tensor> outputs, BackwardFunction backward);

}  // namespace peft
