// Few-row products over GGUF's super-blocks of 256.
#include "cuda/matvec_blocks.cuh"

namespace peft::cuda {

void dot_k_blocks(const DotCall& call, const ConstView& b) {
  switch (b.dtype) {
    case DType::q2_k:
      return start_block_dot<DType::q2_k>(call, b);
    case DType::q3_k:
      return start_block_dot<DType::q3_k>(call, b);
    case DType::q4_k:
      return start_block_dot<DType::q4_k>(call, b);
    case DType::q5_k:
      return start_block_dot<DType::q5_k>(call, b);
    case DType::q6_k:
      return start_block_dot<DType::q6_k>(call, b);
    default:
      fail(Code::internal, "{} has no blocks of 256", name_of(b.dtype));
  }
}

}  // namespace peft::cuda
