// Few-row products over NF4 in bf16.
#include "cuda/matvec_nf4_tiles.cuh"

namespace peft::cuda {

bool dot_nf4_in_bfloat16(const DotCall& call, const ConstView& b) {
  if (!has_whole_blocks(b)) return false;
  b.dtype == DType::nf4 ? start_nf4_tiles<false>(call, b) : start_nf4_tiles<true>(call, b);
  return true;
}

}  // namespace peft::cuda
