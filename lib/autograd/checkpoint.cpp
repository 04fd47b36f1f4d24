#include "autograd/checkpoint.h"

namespace peft {
namespace {

// The same buffers with targets of their own, so that a nested walk ends at them.
std::vector<Tensor> fresh_inputs(std::span<const Tensor> inputs) {
  std::vector<Tensor> fresh;
  for (const Tensor& input : inputs) {
    fresh.push_back(input.detached());
    if (input.requires_grad()) fresh.back().set_grad(std::make_shared<GradTarget>());
  }
  return fresh;
}

}  // namespace

Tensor checkpoint(Context& context, std::span<const Tensor> inputs, bool trains_inside, Block block) {
  bool needed = trains_inside;
  for (const Tensor& input : inputs) needed = needed || input.requires_grad();
  if (!context.tape || !needed) return block(context, inputs);

  std::vector<Tensor> kept(inputs.begin(), inputs.end());
  Tensor output;
  {
    const TapeScope silent(context, nullptr);
    std::vector<Tensor> detached;
    for (const Tensor& input : inputs) detached.push_back(input.detached());
    output = block(context, detached).detached();
  }
  record(context, "checkpoint", output,
         [kept = std::move(kept), block = std::move(block)](Context& c, const Tensor& gradient) {
           Tape nested;
           std::vector<Tensor> fresh = fresh_inputs(kept);
           Tensor again;
           {
             const TapeScope scope(c, &nested);
             again = block(c, fresh);
           }
           if (!again.requires_grad()) return;
           nested.backward(c, again, gradient);
           for (size_t i = 0; i < fresh.size(); ++i) {
             if (!fresh[i].requires_grad()) continue;
             Tensor arrived = std::exchange(fresh[i].grad()->gradient, Tensor());
             if (arrived.defined()) contribute(c, *kept[i].grad(), std::move(arrived));
           }
         });
  return output;
}

Tensor differentiate_now(Context& context, const Tensor& input,
                         const std::function<Differentiated(Context&, const Tensor& input)>& body) {
  if (!context.tape) {
    body(context, input.detached());
    return {};
  }
  Tape nested;
  Tensor fresh = fresh_inputs(std::span(&input, 1))[0];
  {
    Differentiated result;
    {
      const TapeScope scope(context, &nested);
      result = body(context, fresh);
    }
    if (!result.value.requires_grad()) return {};
    nested.backward(context, result.value, std::move(result.gradient));
  }
  if (!fresh.requires_grad()) return {};
  return std::exchange(fresh.grad()->gradient, Tensor());
}

}  // namespace peft
