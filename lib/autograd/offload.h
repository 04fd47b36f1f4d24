// Tensors that wait in pinned host memory for the backward walk, so that a device need not hold them: the inputs of
// checkpointed layers. Copies run beside the kernels, away as the forward pass goes on and back one ahead of the walk.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "tensor/context.h"

namespace peft {

// Of one forward pass and its backward walk. One thread.
class Offload {
 public:
  // Code::unsupported where the device's memory is the host's: nothing would be won.
  explicit Offload(Context& context);
  Offload(const Offload&) = delete;
  Offload& operator=(const Offload&) = delete;
  ~Offload();  // later kernels may use the buffers of copies that are under way: they wait for those

  // Begins to copy `x` (dense) away and gives the number to take it by; its buffer is let go once that is done.
  size_t put(const Tensor& x);
  // The same values on the device again. Numbers are taken in falling order, those left out are forgotten; the one before
  // begins to come.
  Tensor take(size_t number);

 private:
  struct Entry {
    Shape shape;
    DType dtype = DType::f32;
    std::shared_ptr<Storage> host;
    Tensor back;  // on its way, or there
    int64_t ticket = 0;
  };
  struct Leaving {
    Tensor tensor;
    int64_t ticket;
  };
  void let_go(size_t but);  // joins copies away until so many are left
  void fetch(Entry& entry);
  void forget_last();

  Context& context_;
  MemoryPool& pinned_;
  std::vector<Entry> entries_;
  std::deque<Leaving> leaving_;
};

}  // namespace peft
