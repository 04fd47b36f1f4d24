#include "autograd/checkpoint.h"

namespace peft {
namespace {

// The same buffer with a target of its own, so that a nested walk ends at it.
Tensor fresh_input(const Tensor& input, bool requires_grad) {
  Tensor fresh = input.detached();
  if (requires_grad) fresh.set_grad(make_target(input));
  return fresh;
}

// An input of a block that runs again: the tensor itself, or its number in `offload`.
struct Kept {
  std::shared_ptr<GradTarget> grad;
  Tensor tensor;
  size_t number = 0;
};

}  // namespace

Tensor checkpoint(Context& context, std::span<const Tensor> inputs, bool trains_inside, Block block,
                  Offload* offload) {
  bool needed = trains_inside;
  for (const Tensor& input : inputs) needed = needed || input.requires_grad();
  if (!context.tape || !needed) return block(context, inputs);

  std::vector<Kept> kept;
  for (const Tensor& input : inputs) {
    kept.push_back({input.grad(), {}, 0});
    if (offload)
      kept.back().number = offload->put(input);
    else
      kept.back().tensor = input.detached();
  }
  Tensor output;
  {
    const TapeScope silent(context, nullptr);
    std::vector<Tensor> detached;
    for (const Tensor& input : inputs) detached.push_back(input.detached());
    output = block(context, detached).detached();
  }
  record(context, "checkpoint", output,
         [kept = std::move(kept), block = std::move(block), offload](Context& c, const Tensor& gradient) {
           Tape nested;
           std::vector<Tensor> fresh(kept.size());
           for (size_t i = kept.size(); i-- > 0;) {
             const Tensor input = offload ? offload->take(kept[i].number) : kept[i].tensor;
             fresh[i] = fresh_input(input, kept[i].grad != nullptr);
           }
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
             if (arrived.defined()) contribute(c, *kept[i].grad, std::move(arrived));
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
  Tensor fresh = fresh_input(input, input.requires_grad());
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
