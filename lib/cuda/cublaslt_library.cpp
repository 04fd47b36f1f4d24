#include "cuda/cublaslt_library.h"

#include <unistd.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/log.h"
#include "base/shared_library.h"
#include "cuda/cublaslt.h"
#include "cuda/launch.h"

namespace peft::cuda {
namespace {

#ifdef PEFT_CUBLASLT_NAME  // the emulation's
constexpr const char* library_name = PEFT_CUBLASLT_NAME;
constexpr bool real_library = false;
#else
constexpr const char* library_name = "libcublasLt.so.13";
constexpr bool real_library = true;
#endif

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

CublasLtFunctions load_functions() {
  static const SharedLibrary library = open_library();  // closed with this module
  CublasLtFunctions f;
  library.get("cublasLtCreate", f.create);
  library.get("cublasLtDestroy", f.destroy);
  library.get("cublasLtGetStatusName", f.status_name);
  library.get("cublasLtGetVersion", f.version);
  library.get("cublasLtMatmul", f.matmul);
  library.get("cublasLtMatmulAlgoGetHeuristic", f.heuristic);
  library.get("cublasLtMatmulAlgoConfigGetAttribute", f.config_get);
  library.get("cublasLtMatmulDescCreate", f.desc_create);
  library.get("cublasLtMatmulDescDestroy", f.desc_destroy);
  library.get("cublasLtMatmulDescSetAttribute", f.desc_set);
  library.get("cublasLtMatrixLayoutCreate", f.layout_create);
  library.get("cublasLtMatrixLayoutDestroy", f.layout_destroy);
  library.get("cublasLtMatmulPreferenceCreate", f.preference_create);
  library.get("cublasLtMatmulPreferenceDestroy", f.preference_destroy);
  library.get("cublasLtMatmulPreferenceSetAttribute", f.preference_set);
  log(LogLevel::info, "{}: version {}", library.path(), f.version());
  return f;
}

}  // namespace

std::vector<std::string> cublaslt_places() {
  if (real_library) {
    const char* given = std::getenv("LIBPEFT_CUBLASLT");
    if (given && *given) return {given};
  }
  std::vector<std::string> places;
  const std::string folder = folder_of_library(reinterpret_cast<const void*>(&cublaslt_places));
  if (!folder.empty()) places.push_back(folder + library_name);
  places.emplace_back(library_name);
  if (real_library) {
    places.push_back(std::string("/usr/local/cuda/lib64/") + library_name);
    // A module that lies in a Python package, beside NVIDIA's.
    if (!folder.empty()) places.push_back(folder + "../nvidia/cu13/lib/" + library_name);
  }
  return places;
}

const CublasLtFunctions& cublaslt_functions() {
  static const CublasLtFunctions table = load_functions();
  return table;
}

void check_cublaslt(cublasStatus_t status, const char* what) {
  if (status == CUBLAS_STATUS_SUCCESS) [[likely]]
    return;
  check_cuda(cudaGetLastError(), what);  // a lost device says so there
  fail(status == CUBLAS_STATUS_ALLOC_FAILED ? Code::out_of_memory : Code::device, "{}: {}", what,
       cublaslt_functions().status_name(status));
}

}  // namespace peft::cuda
