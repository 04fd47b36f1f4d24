// How one product is computed: what cublaslt.cpp makes and cublaslt_tuning.cpp chooses in.
#pragma once

#include <vector>

#include "cuda/cublaslt.h"
#include "cuda/cublaslt_library.h"
#include "cuda/launch.h"

namespace peft::cuda {

struct CublasLt::Plan {
  MatmulDesc desc;
  MatrixLayout a, b, y;  // in the library's order: its first operand is our b
  // As the library ranks them; none: it has no algorithm. The first is used, of several once they were compared.
  std::vector<cublasLtMatmulAlgo_t> algorithms;
  // Until then: the last turn that it was used in, the number of those, and of uses (comes_again()).
  int64_t turn = -1;
  int turns = 0, uses = 0;

  cublasStatus_t run(cublasLtHandle_t handle, cudaStream_t stream, const Product& p,
                     const cublasLtMatmulAlgo_t& algorithm, std::byte* workspace) const {
    const float alpha = p.alpha, beta = p.accumulate ? 1.0f : 0.0f;
    return cublaslt_functions().matmul(handle, desc.get(), &alpha, p.b, b.get(), p.a, a.get(), &beta, p.y, y.get(), p.y,
                                       y.get(), &algorithm, workspace, static_cast<size_t>(workspace_bytes),
                                       ordered(stream));
  }
};

// Largest power of two that divides an address, as far as loads go.
inline uint32_t alignment_of(const void* address) {
  const auto value = reinterpret_cast<uintptr_t>(address) | 16;
  return static_cast<uint32_t>(value & (~value + 1));
}

// Whether comparing algorithms for a product may pay: it is no matter of launches, and lies as own memory does.
bool is_worth_timing(const Product& product);

}  // namespace peft::cuda
