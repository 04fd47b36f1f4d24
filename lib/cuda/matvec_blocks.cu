// Few-row products over GGUF's blocks of 32.
#include "cuda/matvec_blocks.cuh"

namespace peft::cuda {

void dot_blocks(const DotCall& call, const ConstView& b) {
  switch (b.dtype) {
    case DType::q4_0:
      return start_block_dot<DType::q4_0>(call, b);
    case DType::q4_1:
      return start_block_dot<DType::q4_1>(call, b);
    case DType::q5_0:
      return start_block_dot<DType::q5_0>(call, b);
    case DType::q5_1:
      return start_block_dot<DType::q5_1>(call, b);
    case DType::q8_0:
      return start_block_dot<DType::q8_0>(call, b);
    default:
      fail(Code::internal, "{} has no blocks of 32", name_of(b.dtype));
  }
}

}  // namespace peft::cuda
