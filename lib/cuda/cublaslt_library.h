// cuBLASLt's functions, opened at run time, and what its descriptors are owned by.
#pragma once

#include <cublasLt.h>

namespace peft::cuda {

// What is called of the library. Names and types are its own.
struct CublasLtFunctions {
  decltype(&cublasLtCreate) create;
  decltype(&cublasLtDestroy) destroy;
  decltype(&cublasLtGetStatusName) status_name;
  decltype(&cublasLtGetVersion) version;
  decltype(&cublasLtMatmul) matmul;
  decltype(&cublasLtMatmulAlgoGetHeuristic) heuristic;
  decltype(&cublasLtMatmulAlgoConfigGetAttribute) config_get;
  decltype(&cublasLtMatmulDescCreate) desc_create;
  decltype(&cublasLtMatmulDescDestroy) desc_destroy;
  decltype(&cublasLtMatmulDescSetAttribute) desc_set;
  decltype(&cublasLtMatrixLayoutCreate) layout_create;
  decltype(&cublasLtMatrixLayoutDestroy) layout_destroy;
  decltype(&cublasLtMatmulPreferenceCreate) preference_create;
  decltype(&cublasLtMatmulPreferenceDestroy) preference_destroy;
  decltype(&cublasLtMatmulPreferenceSetAttribute) preference_set;
};

// Opened once; a failure is tried again by the next backend. Code::device naming every place when it is absent.
const CublasLtFunctions& cublaslt_functions();

void check_cublaslt(cublasStatus_t status, const char* what);

template <typename Handle, cublasStatus_t (*CublasLtFunctions::*Destroy)(Handle)>
class CublasLtOwned {
 public:
  CublasLtOwned() = default;
  ~CublasLtOwned() {
    if (handle_) (cublaslt_functions().*Destroy)(handle_);
  }
  CublasLtOwned(const CublasLtOwned&) = delete;
  CublasLtOwned& operator=(const CublasLtOwned&) = delete;
  Handle* to() { return &handle_; }
  Handle get() const { return handle_; }

 private:
  Handle handle_ = nullptr;
};
using MatmulDesc = CublasLtOwned<cublasLtMatmulDesc_t, &CublasLtFunctions::desc_destroy>;
using MatrixLayout = CublasLtOwned<cublasLtMatrixLayout_t, &CublasLtFunctions::layout_destroy>;
using MatmulPreference = CublasLtOwned<cublasLtMatmulPreference_t, &CublasLtFunctions::preference_destroy>;

}  // namespace peft::cuda
