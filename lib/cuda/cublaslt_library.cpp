#include "cuda/cublaslt_library.h"

#include <dlfcn.h>
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

template <typename Function>
void find(const SharedLibrary& library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(library.symbol(name));
}

CublasLtFunctions load_functions() {
  static const SharedLibrary library = open_library();  // closed with this module
  CublasLtFunctions f;
  find(library, "cublasLtCreate", f.create);
  find(library, "cublasLtDestroy", f.destroy);
  find(library, "cublasLtGetStatusName", f.status_name);
  find(library, "cublasLtGetVersion", f.version);
  find(library, "cublasLtMatmul", f.matmul);
  find(library, "cublasLtMatmulAlgoGetHeuristic", f.heuristic);
  find(library, "cublasLtMatmulAlgoConfigGetAttribute", f.config_get);
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

std::string folder_of_module() {
  Dl_info info;
  if (dladdr(reinterpret_cast<const void*>(&cublaslt_places), &info) == 0 || !info.dli_fname) return {};
  const std::string self = info.dli_fname;
  const size_t slash = self.rfind('/');
  return slash == std::string::npos ? std::string() : self.substr(0, slash + 1);
}

}  // namespace

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
