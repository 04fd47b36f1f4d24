// Takes the place of cudnn_attention.cpp where cuDNN's headers were not found: no call is taken.
#include "cuda/cudnn_attention.h"

namespace peft::cuda {

struct CudnnAttention::State {};
CudnnAttention::CudnnAttention() = default;
CudnnAttention::~CudnnAttention() = default;
void CudnnAttention::give_up() {}

bool attend_cudnn(CudaBackend&, const AttentionOptions&, ConstView, ConstView, ConstView, ConstView, View, View, View) {
  return false;
}
bool attend_cudnn_backward(CudaBackend&, const AttentionOptions&, ConstView, ConstView, ConstView, ConstView, ConstView,
                           ConstView, ConstView, View, View, View, View) {
  return false;
}
int64_t attend_cudnn_scratch(const CudaBackend&, const AttentionOptions&, const Shape&, const Shape&, DType) {
  return 0;
}
int64_t attend_cudnn_backward_scratch(const CudaBackend&, const AttentionOptions&, const Shape&, const Shape&, DType) {
  return 0;
}

}  // namespace peft::cuda
