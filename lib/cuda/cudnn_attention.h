// Attention of bf16 activations by cuDNN, on GPUs of compute capability 9.x, for which its plans were looked at.
//
// Each function answers false, with nothing done, where it does not take the call: own kernels do then. Whether it
// takes one follows from options, shapes and strides alone, for each pass by itself: lse, the natural logarithm of the
// sum of exponentials, is the same number whoever writes it. The backward pass is taken only where its sums have a
// fixed order.
//
// The host knows how many tokens and documents (segments) there are, not where they lie. So plans are for rounded
// numbers of tokens, any of which a document may have. They are made when first needed, which takes seconds. Segments
// come in the order of their tokens.
//
// After an error of the library, which is logged as a warning, a backend goes on without it.
#pragma once

#include <cstdint>
#include <memory>

#include "cuda/cuda_backend.h"

namespace peft::cuda {

// What a backend has of cuDNN.
class CudnnAttention {
 public:
  CudnnAttention();  // looks for the library, no more
  ~CudnnAttention();
  bool available() const { return state_ != nullptr; }

  struct State;
  State* state() { return state_.get(); }
  void give_up();

 private:
  std::unique_ptr<State> state_;
};

// Arguments are those of the kernels `attention` and `attention_backward` (tensor/kernels.def).
bool attend_cudnn(CudaBackend& backend, const AttentionOptions& options, ConstView q, ConstView k, ConstView v,
                  ConstView segments, View out, View lse, View scratch);
bool attend_cudnn_backward(CudaBackend& backend, const AttentionOptions& options, ConstView q, ConstView k, ConstView v,
                           ConstView segments, ConstView out, ConstView lse, ConstView dout, View dq, View dk, View dv,
                           View scratch);

// Bytes of `scratch` without which a call is not taken; 0 where no call of these shapes is.
int64_t attend_cudnn_scratch(const CudaBackend& backend, const AttentionOptions& options, const Shape& q,
                             const Shape& k, DType dtype);
int64_t attend_cudnn_backward_scratch(const CudaBackend& backend, const AttentionOptions& options, const Shape& q,
                                      const Shape& k, DType dtype);

}  // namespace peft::cuda
