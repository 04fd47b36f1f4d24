#include "cuda/cublaslt.h"

#include <cublasLt.h>
#include <dlfcn.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <mutex>

#include "base/error.h"
#include "base/log.h"
#include "base/shared_library.h"
#include "cuda/cuda_device.h"

namespace peft::cuda {
namespace {

#ifdef PEFT_CUBLASLT_NAME  // the emulation's
constexpr const char* library_name = PEFT_CUBLASLT_NAME;
constexpr bool real_library = false;
#else
constexpr const char* library_name = "libcublasLt.so.13";
constexpr bool real_library = true;
#endif

// Shapes change with every batch of another length; beyond this many the plans are made anew.
constexpr size_t most_plans = 4096;

// What is called of the library. Names and types are its own.
struct Functions {
  decltype(&cublasLtCreate) create;
  decltype(&cublasLtDestroy) destroy;
  decltype(&cublasLtGetStatusName) status_name;
  decltype(&cublasLtGetVersion) version;
  decltype(&cublasLtMatmul) matmul;
  decltype(&cublasLtMatmulAlgoGetHeuristic) heuristic;
  decltype(&cublasLtMatmulDescCreate) desc_create;
  decltype(&cublasLtMatmulDescDestroy) desc_destroy;
  decltype(&cublasLtMatmulDescSetAttribute) desc_set;
  decltype(&cublasLtMatrixLayoutCreate) layout_create;
  decltype(&cublasLtMatrixLayoutDestroy) layout_destroy;
  decltype(&cublasLtMatmulPreferenceCreate) preference_create;
  decltype(&cublasLtMatmulPreferenceDestroy) preference_destroy;
  decltype(&cublasLtMatmulPreferenceSetAttribute) preference_set;
};

SharedLibrary open_library() {
  std::string places;
  for (const std::string& place : cublaslt_places()) {
    try {
      return SharedLibrary::open(place);
    } catch (const Error& error) {
      // The loader's words are long, and say something only where there is a file.
      places += places.empty() ? "" : ", ";
      places += access(place.c_str(), F_OK) == 0 ? error.what() : "'" + place + "'";
    }
  }
  fail(Code::device, "{} is absent; looked for it at {}", library_name, places);
}

template <typename Function>
void find(const SharedLibrary& library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(library.symbol(name));
}

Functions load_functions() {
  static const SharedLibrary library = open_library();  // closed with this module
  Functions f;
  find(library, "cublasLtCreate", f.create);
  find(library, "cublasLtDestroy", f.destroy);
  find(library, "cublasLtGetStatusName", f.status_name);
  find(library, "cublasLtGetVersion", f.version);
  find(library, "cublasLtMatmul", f.matmul);
  find(library, "cublasLtMatmulAlgoGetHeuristic", f.heuristic);
  find(library, "cublasLtMatmulDescCreate", f.desc_create);
  find(library, "cublasLtMatmulDescDestroy", f.desc_destroy);
  find(library, "cublasLtMatmulDescSetAttribute", f.desc_set);
  find(library, "cublasLtMatrixLayoutCreate", f.layout_create);
  find(library, "cublasLtMatrixLayoutDestroy", f.layout_destroy);
  find(library, "cublasLtMatmulPreferenceCreate", f.preference_create);
  find(library, "cublasLtMatmulPreferenceDestroy", f.preference_destroy);
  find(library, "cublasLtMatmulPreferenceSetAttribute", f.preference_set);
  log(LogLevel::info, "{}: version {}", library.path(), f.version());
  return f;
}

// Opened once; a failure is tried again by the next backend.
const Functions& functions() {
  static const Functions table = load_functions();
  return table;
}

void check_status(cublasStatus_t status, const char* what) {
  if (status == CUBLAS_STATUS_SUCCESS) [[likely]]
    return;
  check_cuda(cudaGetLastError(), what);  // a lost device says so there
  fail(status == CUBLAS_STATUS_ALLOC_FAILED ? Code::out_of_memory : Code::device, "{}: {}", what,
       functions().status_name(status));
}

// What one of the library's descriptors is owned by.
template <typename Handle, cublasStatus_t (*Functions::*Destroy)(Handle)>
class Owned {
 public:
  Owned() = default;
  ~Owned() {
    if (handle_) (functions().*Destroy)(handle_);
  }
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  Handle* to() { return &handle_; }
  Handle get() const { return handle_; }

 private:
  Handle handle_ = nullptr;
};
using Desc = Owned<cublasLtMatmulDesc_t, &Functions::desc_destroy>;
using Layout = Owned<cublasLtMatrixLayout_t, &Functions::layout_destroy>;
using Preference = Owned<cublasLtMatmulPreference_t, &Functions::preference_destroy>;

// Largest power of two that divides an address, as far as loads go.
uint32_t alignment_of(const void* address) {
  const auto value = reinterpret_cast<uintptr_t>(address) | 16;
  return static_cast<uint32_t>(value & (~value + 1));
}

cudaDataType_t cuda_type(DType dtype) {
  PEFT_ASSERT(dtype == DType::f32 || dtype == DType::bf16);
  return dtype == DType::bf16 ? CUDA_R_16BF : CUDA_R_32F;
}

// A row-major matrix is a column-major one of the swapped sizes. The stride of a single row means nothing.
void make_layout(Layout& layout, cudaDataType_t type, int64_t rows, int64_t columns, int64_t stride) {
  check_status(functions().layout_create(layout.to(), type, static_cast<uint64_t>(columns),
                                         static_cast<uint64_t>(rows), std::max(stride, columns)),
               "cublasLtMatrixLayoutCreate");
}

std::string folder_of_module() {
  Dl_info info;
  if (dladdr(reinterpret_cast<const void*>(&cublaslt_places), &info) == 0 || !info.dli_fname) return {};
  const std::string self = info.dli_fname;
  const size_t slash = self.rfind('/');
  return slash == std::string::npos ? std::string() : self.substr(0, slash + 1);
}

}  // namespace

struct CublasLt::Plan {
  Desc desc;
  Layout a, b, y;  // in the library's order: its first operand is our b
  cublasLtMatmulAlgo_t algorithm{};
  bool found = false;
};

std::vector<std::string> cublaslt_places() {
  if (real_library) {
    const char* given = std::getenv("LIBPEFT_CUBLASLT");
    if (given && *given) return {given};
  }
  std::vector<std::string> places;
  const std::string folder = folder_of_module();
  if (!folder.empty()) places.push_back(folder + library_name);
  places.emplace_back(library_name);
  if (real_library) {
    places.push_back(std::string("/usr/local/cuda/lib64/") + library_name);
    // A module that lies in a Python package, beside NVIDIA's.
    if (!folder.empty()) places.push_back(folder + "../nvidia/cu13/lib/" + library_name);
  }
  return places;
}

CublasLt::CublasLt(int32_t device) : device_(device) {
  cublasLtHandle_t handle = nullptr;
  check_status(functions().create(&handle), "cublasLtCreate");
  handle_ = handle;
  try {
    // Not by the backend's MemorySource, which is the library's and throws: the same memory, without the detour.
    workspace_ = allocate_memory(device, workspace_bytes);
  } catch (...) {
    functions().destroy(handle);
    throw;
  }
}

CublasLt::~CublasLt() {
  plans_.clear();
  release_memory(device_, workspace_);
  functions().destroy(static_cast<cublasLtHandle_t>(handle_));
}

bool CublasLt::multiply(cudaStream_t stream, const Product& product) {
  const Plan& plan = plan_for(product);
  if (!plan.found) return false;
  const float alpha = product.alpha, beta = product.accumulate ? 1.0f : 0.0f;
  check_status(functions().matmul(static_cast<cublasLtHandle_t>(handle_), plan.desc.get(), &alpha, product.b,
                                  plan.b.get(), product.a, plan.a.get(), &beta, product.y, plan.y.get(), product.y,
                                  plan.y.get(), &plan.algorithm, workspace_, static_cast<size_t>(workspace_bytes),
                                  ordered(stream)),
               "cublasLtMatmul");
  return true;
}

const CublasLt::Plan& CublasLt::plan_for(const Product& p) {
  const int64_t flags = (p.operands == DType::bf16) | p.a_transposed << 1 | p.b_transposed << 2 | p.accumulate << 3 |
                        (p.result == DType::bf16) << 4;
  const Key key = {flags,      p.m,        p.n,
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
  const Functions& f = functions();
  auto plan = std::make_unique<Plan>();
  check_status(f.desc_create(plan->desc.to(), CUBLAS_COMPUTE_32F, CUDA_R_32F), "cublasLtMatmulDescCreate");
  const cublasOperation_t first = p.b_transposed ? CUBLAS_OP_T : CUBLAS_OP_N,
                          second = p.a_transposed ? CUBLAS_OP_T : CUBLAS_OP_N;
  check_status(f.desc_set(plan->desc.get(), CUBLASLT_MATMUL_DESC_TRANSA, &first, sizeof first),
               "cublasLtMatmulDescSetAttribute");
  check_status(f.desc_set(plan->desc.get(), CUBLASLT_MATMUL_DESC_TRANSB, &second, sizeof second),
               "cublasLtMatmulDescSetAttribute");
  const cudaDataType_t type = cuda_type(p.operands);
  make_layout(plan->a, type, p.a_transposed ? p.k : p.m, p.a_transposed ? p.m : p.k, p.a_stride);
  make_layout(plan->b, type, p.b_transposed ? p.n : p.k, p.b_transposed ? p.k : p.n, p.b_stride);
  make_layout(plan->y, cuda_type(p.result), p.m, p.n, p.y_stride);

  Preference preference;
  check_status(f.preference_create(preference.to()), "cublasLtMatmulPreferenceCreate");
  const auto prefer = [&](cublasLtMatmulPreferenceAttributes_t attribute, const auto& value) {
    check_status(f.preference_set(preference.get(), attribute, &value, sizeof value),
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
  cublasLtMatmulHeuristicResult_t result{};
  int results = 0;
  const cublasStatus_t status =
      f.heuristic(static_cast<cublasLtHandle_t>(handle_), plan->desc.get(), plan->b.get(), plan->a.get(),
                  plan->y.get(), plan->y.get(), preference.get(), 1, &result, &results);
  if (status == CUBLAS_STATUS_NOT_SUPPORTED) return plan;
  check_status(status, "cublasLtMatmulAlgoGetHeuristic");
  plan->found = results > 0 && result.state == CUBLAS_STATUS_SUCCESS;
  plan->algorithm = result.algo;
  return plan;
}

}  // namespace peft::cuda
