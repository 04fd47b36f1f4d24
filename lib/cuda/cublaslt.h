// cuBLASLt, opened at run time: large matrix products, with a plan kept for every shape.
//
// cuBLASLt offers several algorithms for a product, the one it thinks the fastest first. Where a product is worth it
// they are timed when it is first met, and the fastest is taken, of those whose sums are the first one's to the bit
// (cuda/tuning.h). So what is chosen, and whether it is chosen at all, changes how long a product takes and no result:
// neither noise of the clock nor a lost file can make a resumed run differ from one that was never stopped. Choices are
// kept between processes (cuda/plan_file.h). LIBPEFT_CUDA_TUNE=0 has the first algorithm taken always.
#pragma once

#include <cuda_runtime.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tensor/dtype.h"

namespace peft::cuda {

// y[m,n] = alpha a[m,k] b[k,n], added to y with `accumulate`; row-major, strides in elements. A transposed operand lies
// in memory as [k,m] or [n,k]. Operands are both f32, multiplied exactly, or both bf16; y is f32 or, of bf16 operands,
// bf16. Sums are f32, and rounded once where y is bf16.
struct Product {
  DType operands = DType::f32, result = DType::f32;
  bool a_transposed = false, b_transposed = false, accumulate = false;
  float alpha = 1.0f;
  int64_t m = 0, n = 0, k = 0;
  const std::byte *a = nullptr, *b = nullptr;
  std::byte* y = nullptr;
  int64_t a_stride = 0, b_stride = 0, y_stride = 0;

  // Types and what is done, as one number.
  int64_t flags() const {
    return (operands == DType::bf16) | a_transposed << 1 | b_transposed << 2 | accumulate << 3 |
           (result == DType::bf16) << 4;
  }
};

// Where the library is looked for: $LIBPEFT_CUBLASLT alone when set, else beside this module, where dlopen(3) looks,
// and where CUDA's installer and its wheels put it.
std::vector<std::string> cublaslt_places();

class PlanFile;  // cuda/plan_file.h

// One thread at a time, one stream.
class CublasLt {
 public:
  // For the current device. Code::device naming every place when the library is absent.
  explicit CublasLt(int32_t device);
  ~CublasLt();
  CublasLt(const CublasLt&) = delete;
  CublasLt& operator=(const CublasLt&) = delete;

  // False, and nothing done, where the library has no algorithm for this product. No size may be 0.
  bool multiply(cudaStream_t stream, const Product& product);

  // Free between products, for other kernels of the same stream.
  std::byte* workspace() const { return workspace_; }
  static constexpr int64_t workspace_bytes = int64_t{32} << 20;  // what Hopper's kernels ask for

 private:
  struct Plan;
  using Key = std::array<int64_t, 10>;

  Plan& plan_for(const Product& product);
  std::unique_ptr<Plan> make_plan(const Product& product) const;
  void choose(cudaStream_t stream, const Product& product, Plan& plan);
  bool comes_again(Plan& plan) const;
  void time_candidates(cudaStream_t stream, const Product& product, Plan& plan) const;

  int32_t device_;
  void* handle_ = nullptr;
  std::byte* workspace_ = nullptr;
  std::shared_ptr<PlanFile> choices_;  // null: nothing is timed
  // Products of equal rows one after the other are a turn: a batch goes forward in one, and back in another.
  int64_t rows_ = -1, turn_ = 0;
  std::map<Key, std::unique_ptr<Plan>> plans_;
};

}  // namespace peft::cuda
