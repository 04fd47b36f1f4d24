#include "autograd/tape.h"

namespace peft {
namespace {

void check_gradient_shape(const Tensor& gathered, const Shape& shape) {
  check(gathered.shape() == shape, Code::mismatch, "gradient: expected shape {}, found {}",
        to_string(gathered.shape()), to_string(shape));
}

// A buffer that only this target sees, holding what was gathered so far.
void make_own(Context& context, Tensor& gathered) {
  if (gathered.storage().use_count() == 1) return;
  Tensor own = context.empty(gathered.shape(), gathered.dtype());
  context.backend().copy(gathered.const_view(), own.view());
  gathered = std::move(own);
}

}  // namespace

std::shared_ptr<GradTarget> make_target(const Tensor& tensor) {
  auto target = std::make_shared<GradTarget>();
  target->dtype = tensor.dtype();
  return target;
}

void make_leaf(Tensor& value, Tensor gradient) {
  check(gradient.defined() && gradient.dtype() == DType::f32 && gradient.dense() &&
            gradient.shape() == value.shape(),
        Code::mismatch, "gradient of a parameter: expected dense f32 {}, found {} {}",
        to_string(value.shape()), name_of(gradient.dtype()), to_string(gradient.shape()));
  auto target = std::make_shared<GradTarget>();
  target->gradient = gradient.detached();
  target->leaf = true;
  value.set_grad(std::move(target));
}

void contribute(Context& context, GradTarget& target, Tensor gradient) {
  PEFT_ASSERT(gradient.defined() && gradient.dtype() == target.dtype);
  if (!target.gradient.defined()) {
    target.gradient = gradient.detached();
    return;
  }
  check_gradient_shape(target.gradient, gradient.shape());
  if (!target.leaf) make_own(context, target.gradient);
  context.backend().scale(1.0f, gradient.const_view(), /*accumulate=*/true, target.gradient.view());
}

void contribute(Context& context, GradTarget& target, const Shape& shape,
                const std::function<void(View destination, bool accumulate)>& fill) {
  if (!target.gradient.defined()) {
    Tensor fresh = context.empty(shape, target.dtype);
    fill(fresh.view(), /*accumulate=*/false);
    target.gradient = std::move(fresh);
    return;
  }
  check_gradient_shape(target.gradient, shape);
  if (!target.leaf) make_own(context, target.gradient);
  fill(target.gradient.view(), /*accumulate=*/true);
}

void Tape::backward(Context& context, const Tensor& root, Tensor gradient) {
  // Whatever happens below, no closure and so no buffer outlives the walk.
  struct Clear {
    Tape& tape;
    ~Clear() { tape.clear(); }
  } clear{*this};
  check(root.defined() && root.requires_grad(), Code::invalid_argument,
        "backward: the root does not need a gradient");
  const TapeScope silent(context, nullptr);
  if (!gradient.defined()) {
    gradient = context.empty(root.shape(), root.dtype());
    context.backend().fill(gradient.view(), 1.0f);
  }
  check_gradient_shape(gradient, root.shape());
  contribute(context, *root.grad(), std::move(gradient));
  std::vector<Tensor> gradients;
  while (!nodes_.empty()) {
    poll(context.cancel);
    const Node node = std::move(nodes_.back());
    nodes_.pop_back();
    bool arrived = false;
    for (const auto& output : node.outputs) {
      gradients.push_back(std::exchange(output->gradient, Tensor()));
      arrived = arrived || gradients.back().defined();
    }
    if (arrived) node.backward(context, gradients);
    gradients.clear();
  }
}

bool recording(const Context& context, std::initializer_list<const Tensor*> inputs) {
  if (!context.tape) return false;
  for (const Tensor* input : inputs) {
    if (input->requires_grad()) return true;
  }
  return false;
}

void record(Context& context, const char* name, Tensor& output,
            std::function<void(Context&, const Tensor& output_gradient)> backward) {
  PEFT_ASSERT(context.tape != nullptr && output.defined());
  auto target = make_target(output);
  context.tape->append(
      {name, {target}, [backward = std::move(backward)](Context& c, std::span<const Tensor> gradients) {
         backward(c, gradients[0]);
       }});
  output.set_grad(std::move(target));
}

void record(Context& context, const char* name, std::span<Tensor> outputs, BackwardFunction backward) {
  PEFT_ASSERT(context.tape != nullptr);
  Tape::Node node{name, {}, std::move(backward)};
  for (Tensor& output : outputs) {
    PEFT_ASSERT(output.defined());
    node.outputs.push_back(make_target(output));
    output.set_grad(node.outputs.back());
  }
  context.tape->append(std::move(node));
}

}  // namespace peft
