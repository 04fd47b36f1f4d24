// cuDNN's graph API, opened at run time where the machine has it. It is never required: what it would compute, kernels
// of our own do.
#pragma once

#include <cudnn_graph.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace peft::cuda {

// What is called of the library. Names and types are its own.
struct CudnnFunctions {
  decltype(&cudnnGetVersion) version;
  decltype(&cudnnGetErrorString) error_string;
  decltype(&cudnnGetLastErrorString) last_error_string;
  decltype(&cudnnCreate) create;
  decltype(&cudnnDestroy) destroy;
  decltype(&cudnnSetStream) set_stream;
  decltype(&cudnnBackendCreateDescriptor) create_descriptor;
  decltype(&cudnnBackendDestroyDescriptor) destroy_descriptor;
  decltype(&cudnnBackendSetAttribute) set_attribute;
  decltype(&cudnnBackendGetAttribute) get_attribute;
  decltype(&cudnnBackendFinalize) finalize;
  decltype(&cudnnBackendExecute) execute;
};

// Where the library is looked for: $LIBPEFT_CUDNN alone when set, else beside this module, where dlopen(3) looks, and
// where CUDA's installer and Python's packages put it.
std::vector<std::string> cudnn_places();

// Opens it once. False where it is absent or too old, which is logged once, and while $LIBPEFT_CUDNN is set and empty.
bool open_cudnn();
// Only where open_cudnn() was true.
const CudnnFunctions& cudnn();

// A call failed: its name, the status and the library's last words.
class CudnnError : public std::runtime_error {
 public:
  CudnnError(const std::string& text, cudnnStatus_t status) : std::runtime_error(text), status_(status) {}
  // The library cannot do this, and may do something else.
  bool unsupported() const { return CUDNN_STATUS_CATEGORY(status_) == CUDNN_STATUS_NOT_SUPPORTED; }

 private:
  cudnnStatus_t status_;
};

// Throws CudnnError.
void check_cudnn(cudnnStatus_t status, const char* what);

// One of the library's descriptors: attributes are set, then it is finalized.
class CudnnDescriptor {
 public:
  explicit CudnnDescriptor(cudnnBackendDescriptorType_t type);
  CudnnDescriptor(CudnnDescriptor&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  CudnnDescriptor& operator=(CudnnDescriptor&&) = delete;
  ~CudnnDescriptor();

  cudnnBackendDescriptor_t get() const { return handle_; }

  CudnnDescriptor& set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, int64_t count,
                       const void* values);
  // One value; its type says which of the library's it is.
  template <typename T>
  CudnnDescriptor& set(cudnnBackendAttributeName_t name, const T& value) {
    return set(name, type_of<T>(), 1, &value);
  }
  CudnnDescriptor& set(cudnnBackendAttributeName_t name, const std::vector<int64_t>& values) {
    return set(name, CUDNN_TYPE_INT64, static_cast<int64_t>(values.size()), values.data());
  }
  CudnnDescriptor& set(cudnnBackendAttributeName_t name, const CudnnDescriptor& value) {
    return set(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &value.handle_);
  }
  CudnnDescriptor& finalize();

 private:
  template <typename T>
  static constexpr cudnnBackendAttributeType_t type_of() {
    if constexpr (std::is_same_v<T, bool>) return CUDNN_TYPE_BOOLEAN;
    if constexpr (std::is_same_v<T, int64_t>) return CUDNN_TYPE_INT64;
    if constexpr (std::is_same_v<T, double>) return CUDNN_TYPE_DOUBLE;
    if constexpr (std::is_same_v<T, cudnnHandle_t>) return CUDNN_TYPE_HANDLE;
    if constexpr (std::is_same_v<T, cudnnDataType_t>) return CUDNN_TYPE_DATA_TYPE;
    if constexpr (std::is_same_v<T, cudnnPointwiseMode_t>) return CUDNN_TYPE_POINTWISE_MODE;
    if constexpr (std::is_same_v<T, cudnnReduceTensorOp_t>) return CUDNN_TYPE_REDUCTION_OPERATOR_TYPE;
    if constexpr (std::is_same_v<T, cudnnBackendHeurMode_t>) return CUDNN_TYPE_HEUR_MODE;
    if constexpr (std::is_same_v<T, void*>) return CUDNN_TYPE_VOID_PTR;
  }

  cudnnBackendDescriptor_t handle_ = nullptr;
};

}  // namespace peft::cuda
