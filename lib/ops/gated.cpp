#include "ops/gated.h"

#include "ops/support.h"

namespace peft {

Tensor gated(Context& context, UnaryKind kind, Tensor gate, Tensor up) {
  check_activation("gated", "gate", context, gate);
  check_same_type("gated", "up", up, gate);
  check_shape("gated", "up", up, gate.shape());
  const bool records = recording(context, {&gate, &up});
  Tensor y = context.empty(gate.shape(), gate.dtype());
  context.backend().gated(kind, gate.const_view(), up.const_view(), y.view());
  if (!records) return y;

  record(context, "gated", y,
         [kind, gate_grad = gate.grad(), up_grad = up.grad(), gate = gate.detached(), up = up.detached()](
             Context& c, const Tensor& dy) {
           // Both may be columns of one buffer: then the two handles here are all its holders.
           const bool together = gate.storage() == up.storage() && gate.storage().use_count() == 2;
           Tensor dgate = together ? gate : reuse_or_empty(c, gate);
           Tensor dup = together ? up : reuse_or_empty(c, up);
           c.backend().gated_backward(kind, gate.view(), up.view(), dy.view(), dgate.view(), dup.view());
           if (gate_grad) contribute(c, *gate_grad, std::move(dgate));
           if (up_grad) contribute(c, *up_grad, std::move(dup));
         });
  return y;
}

}  // namespace peft
