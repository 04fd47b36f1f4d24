#include "cuda/cudnn.h"

#include <dlfcn.h>
#include <glob.h>

#include <cstdlib>
#include <optional>

#include "base/error.h"
#include "base/log.h"
#include "base/shared_library.h"

namespace peft::cuda {
namespace {

static_assert(CUDNN_MAJOR == 9, "the ABI of cuDNN 9");

#ifdef PEFT_CUDNN_NAME  // the emulation's
constexpr const char* library_name = PEFT_CUDNN_NAME;
constexpr bool real_library = false;
#else
// The part of cuDNN that has the graph API; it opens the others. libcudnn.so.9 has the same functions, and ends the
// process where this part is missing.
constexpr const char* library_name = "libcudnn_graph.so.9";
constexpr bool real_library = true;
#endif

// The first whose plans for our graphs were seen; earlier ones are known for wrong results with ragged tensors.
constexpr size_t least_version = 91900;

// cuBLASLt's folder. The library is loaded long before (cublaslt.h).
std::string toolkit_folder() {
  void* const cublaslt = dlopen("libcublasLt.so.13", RTLD_LAZY | RTLD_NOLOAD);
  if (cublaslt == nullptr) return {};
  const std::string folder = folder_of_library(dlsym(cublaslt, "cublasLtCreate"));
  dlclose(cublaslt);
  return folder;
}

// cuDNN compiles its kernels with NVRTC, which it looks for where dlopen(3) does, and so does NVRTC for its part with
// the headers: what is loaded is found, wherever it lies. Kept open.
void load_compiler(const std::string& cudnn_folder) {
  static std::vector<SharedLibrary> kept;
  if (void* const found = dlopen("libnvrtc.so.13", RTLD_LAZY)) {
    dlclose(found);
    return;
  }
  for (const std::string& folder :
       {toolkit_folder(), cudnn_folder + "../../cu13/lib/", std::string("/usr/local/cuda/lib64/")}) {
    try {
      glob_t parts{};
      if (glob((folder + "libnvrtc-builtins.so.13.*").c_str(), 0, nullptr, &parts) == 0 && parts.gl_pathc > 0) {
        kept.push_back(SharedLibrary::open(parts.gl_pathv[0]));
      }
      globfree(&parts);
      kept.push_back(SharedLibrary::open(folder + "libnvrtc.so.13"));
      return;
    } catch (const Error&) {  // not in this folder
    }
  }
}

CudnnFunctions load_functions() {
  // Without cuBLASLt it ends the process.
  check(!real_library || !toolkit_folder().empty(), Code::not_found, "libcublasLt.so.13 is not loaded");
  static const SharedLibrary library = SharedLibrary::open_first(cudnn_places());  // closed with this module
  CudnnFunctions f;
  library.get("cudnnGetVersion", f.version);
  library.get("cudnnGetErrorString", f.error_string);
  library.get("cudnnGetLastErrorString", f.last_error_string);
  library.get("cudnnCreate", f.create);
  library.get("cudnnDestroy", f.destroy);
  library.get("cudnnSetStream", f.set_stream);
  library.get("cudnnBackendCreateDescriptor", f.create_descriptor);
  library.get("cudnnBackendDestroyDescriptor", f.destroy_descriptor);
  library.get("cudnnBackendSetAttribute", f.set_attribute);
  library.get("cudnnBackendGetAttribute", f.get_attribute);
  library.get("cudnnBackendFinalize", f.finalize);
  library.get("cudnnBackendExecute", f.execute);
  check(f.version() >= least_version, Code::not_found, "{}: expected version {} or newer, found {}", library.path(),
        least_version, f.version());
  if (real_library) load_compiler(folder_of_library(reinterpret_cast<const void*>(f.version)));
  log(LogLevel::info, "{}: version {}", library.path(), f.version());
  return f;
}

const std::optional<CudnnFunctions>& opened_functions() {
  static const auto functions = []() -> std::optional<CudnnFunctions> {
    try {
      return load_functions();
    } catch (const Error& error) {
      log(LogLevel::info, "without cuDNN, attention has kernels of its own: {}", error.what());
      return {};
    }
  }();
  return functions;
}

}  // namespace

std::vector<std::string> cudnn_places() {
  const char* given = std::getenv("LIBPEFT_CUDNN");
  if (given) return {given};
  std::vector<std::string> places;
  const std::string folder = folder_of_library(reinterpret_cast<const void*>(&cudnn_places)), toolkit = toolkit_folder();
  if (!folder.empty()) places.push_back(folder + library_name);
  places.emplace_back(library_name);
  if (real_library) {
    places.push_back(std::string("/usr/local/cuda/lib64/") + library_name);
    // Python packages: this module in one beside NVIDIA's, or cuBLASLt in one of NVIDIA's.
    if (!folder.empty()) places.push_back(folder + "../nvidia/cudnn/lib/" + library_name);
    if (!toolkit.empty()) places.push_back(toolkit + "../../cudnn/lib/" + library_name);
  }
  return places;
}

bool open_cudnn() {
  const char* given = std::getenv("LIBPEFT_CUDNN");
  return !(given && *given == '\0') && opened_functions().has_value();
}

const CudnnFunctions& cudnn() { return *opened_functions(); }

void check_cudnn(cudnnStatus_t status, const char* what) {
  if (status == CUDNN_STATUS_SUCCESS) [[likely]]
    return;
  char words[512] = {};
  cudnn().last_error_string(words, sizeof words);
  throw CudnnError(fmt::format("{}: {}: {}", what, cudnn().error_string(status), words), status);
}

CudnnDescriptor::CudnnDescriptor(cudnnBackendDescriptorType_t type) {
  check_cudnn(cudnn().create_descriptor(type, &handle_), "cudnnBackendCreateDescriptor");
}

CudnnDescriptor::~CudnnDescriptor() {
  if (handle_) cudnn().destroy_descriptor(handle_);
}

CudnnDescriptor& CudnnDescriptor::set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
                                      int64_t count, const void* values) {
  const cudnnStatus_t status = cudnn().set_attribute(handle_, name, type, count, values);
  if (status != CUDNN_STATUS_SUCCESS) [[unlikely]]
    check_cudnn(status, fmt::format("cudnnBackendSetAttribute {}", static_cast<int>(name)).c_str());
  return *this;
}

CudnnDescriptor& CudnnDescriptor::finalize() {
  check_cudnn(cudnn().finalize(handle_), "cudnnBackendFinalize");
  return *this;
}

}  // namespace peft::cuda
