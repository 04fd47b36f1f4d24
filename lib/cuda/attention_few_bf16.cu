// Attention of a few queries: bf16.
#include "cuda/attention_few.cuh"

namespace peft::cuda {

template void attend_few(cudaStream_t, const AttentionForward<BFloat16>&, View);

}  // namespace peft::cuda
