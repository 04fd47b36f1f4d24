#include "cuda/cublaslt.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "cuda/cublaslt_library.h"
#include "cuda/cublaslt_plan.h"
#include "cuda/cuda_device.h"
#include "cuda/plan_file.h"

namespace peft::cuda {
namespace {

// Shapes change with every batch of another length; beyond this many the plans are made anew.
constexpr size_t most_plans = 4096;
constexpr int most_algorithms = 8;  // that are compared

cudaDataType_t cuda_type(DType dtype) {
  PEFT_ASSERT(dtype == DType::f32 || dtype == DType::bf16);
  return dtype == DType::bf16 ? CUDA_R_16BF : CUDA_R_32F;
}

// A row-major matrix is a column-major one of the swapped sizes. The stride of a single row means nothing.
void make_layout(MatrixLayout& layout, cudaDataType_t type, int64_t rows, int64_t columns, int64_t stride) {
  check_cublaslt(cublaslt_functions().layout_create(layout.to(), type, static_cast<uint64_t>(columns),
                                                    static_cast<uint64_t>(rows), std::max(stride, columns)),
                 "cublasLtMatrixLayoutCreate");
}

std::shared_ptr<PlanFile> open_choices(int32_t device) {
  const char* const tune = std::getenv("LIBPEFT_CUDA_TUNE");
  if (tune && std::string_view(tune) == "0") return nullptr;
  cudaDeviceProp properties;
  check_cuda(cudaGetDeviceProperties(&properties, device), "cudaGetDeviceProperties");
  const PlanOwner owner{properties.name, properties.multiProcessorCount, cublaslt_functions().version()};
  return PlanFile::shared(plan_file_path(owner), owner);
}

}  // namespace

CublasLt::CublasLt(int32_t device) : device_(device) {
  cublasLtHandle_t handle = nullptr;
  check_cublaslt(cublaslt_functions().create(&handle), "cublasLtCreate");
  handle_ = handle;
  try {
    choices_ = open_choices(device);
    // Not by the backend's MemorySource, which is the library's and throws: the same memory, without the detour.
    workspace_ = allocate_memory(device, workspace_bytes);
  } catch (...) {
    cublaslt_functions().destroy(handle);
    throw;
  }
}

CublasLt::~CublasLt() {
  plans_.clear();
  release_memory(device_, workspace_);
  cublaslt_functions().destroy(static_cast<cublasLtHandle_t>(handle_));
}

bool CublasLt::multiply(cudaStream_t stream, const Product& product) {
  Plan& plan = plan_for(product);
  if (plan.algorithms.empty()) return false;
  if (product.m != rows_) rows_ = product.m, ++turn_;
  if (plan.algorithms.size() > 1) choose(stream, product, plan);
  check_cublaslt(
      plan.run(static_cast<cublasLtHandle_t>(handle_), stream, product, plan.algorithms.front(), workspace_),
      "cublasLtMatmul");
  return true;
}

CublasLt::Plan& CublasLt::plan_for(const Product& p) {
  const Key key = {p.flags(),  p.m,        p.n,
                   p.k,        p.a_stride, p.b_stride,
                   p.y_stride, alignment_of(p.a), alignment_of(p.b),
                   alignment_of(p.y)};
  const auto found = plans_.find(key);
  if (found != plans_.end()) return *found->second;
  if (plans_.size() >= most_plans) plans_.clear();
  return *plans_.emplace(key, make_plan(p)).first->second;
}

// The library is column-major: it computes y^T = b^T a^T.
std::unique_ptr<CublasLt::Plan> CublasLt::make_plan(const Product& p) const {
  const CublasLtFunctions& f = cublaslt_functions();
  auto plan = std::make_unique<Plan>();
  check_cublaslt(f.desc_create(plan->desc.to(), CUBLAS_COMPUTE_32F, CUDA_R_32F), "cublasLtMatmulDescCreate");
  const cublasOperation_t first = p.b_transposed ? CUBLAS_OP_T : CUBLAS_OP_N,
                          second = p.a_transposed ? CUBLAS_OP_T : CUBLAS_OP_N;
  check_cublaslt(f.desc_set(plan->desc.get(), CUBLASLT_MATMUL_DESC_TRANSA, &first, sizeof first),
                 "cublasLtMatmulDescSetAttribute");
  check_cublaslt(f.desc_set(plan->desc.get(), CUBLASLT_MATMUL_DESC_TRANSB, &second, sizeof second),
                 "cublasLtMatmulDescSetAttribute");
  const cudaDataType_t type = cuda_type(p.operands);
  make_layout(plan->a, type, p.a_transposed ? p.k : p.m, p.a_transposed ? p.m : p.k, p.a_stride);
  make_layout(plan->b, type, p.b_transposed ? p.n : p.k, p.b_transposed ? p.k : p.n, p.b_stride);
  make_layout(plan->y, cuda_type(p.result), p.m, p.n, p.y_stride);

  MatmulPreference preference;
  check_cublaslt(f.preference_create(preference.to()), "cublasLtMatmulPreferenceCreate");
  const auto prefer = [&](cublasLtMatmulPreferenceAttributes_t attribute, const auto& value) {
    check_cublaslt(f.preference_set(preference.get(), attribute, &value, sizeof value),
                 "cublasLtMatmulPreferenceSetAttribute");
  };
  prefer(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, static_cast<uint64_t>(workspace_bytes));
  // Parts of a sum meet in f32: by the other schemes each would be rounded to the type of y.
  if (p.result == DType::bf16)
    prefer(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, static_cast<uint32_t>(CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE));
  prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, alignment_of(p.b));
  prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, alignment_of(p.a));
  prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, alignment_of(p.y));
  prefer(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, alignment_of(p.y));
  cublasLtMatmulHeuristicResult_t results[most_algorithms] = {};
  const int wanted = is_worth_timing(p) ? most_algorithms : 1;
  int count = 0;
  const cublasStatus_t status =
      f.heuristic(static_cast<cublasLtHandle_t>(handle_), plan->desc.get(), plan->b.get(), plan->a.get(),
                  plan->y.get(), plan->y.get(), preference.get(), wanted, results, &count);
  if (status == CUBLAS_STATUS_NOT_SUPPORTED) return plan;
  check_cublaslt(status, "cublasLtMatmulAlgoGetHeuristic");
  for (int i = 0; i < count; ++i)
    if (results[i].state == CUBLAS_STATUS_SUCCESS) plan->algorithms.push_back(results[i].algo);
  if (!choices_ && plan->algorithms.size() > 1) plan->algorithms.resize(1);
  return plan;
}

}  // namespace peft::cuda
