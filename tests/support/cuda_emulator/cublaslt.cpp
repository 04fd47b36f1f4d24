// cuBLASLt's calls, with what its documentation asks of their arguments.
#include <algorithm>
#include <cstdio>
#include <cstring>

#include "cublasLt.h"
#include "cublaslt_product.h"
#include "queue.h"

namespace cuda_emulator {

struct LtHandle {};
struct LtPreference {
  uint64_t workspace = 0;
  uint32_t reductions = CUBLASLT_REDUCTION_SCHEME_MASK;
  uint32_t alignments[4] = {256, 256, 256, 256};  // of a, b, c, d
};

namespace {

// What an algorithm's opaque words hold here.
enum AlgorithmWord { workspace_word, index_word, alignment_words };  // four of the last

uint64_t alignment_of(const void* address) {
  const auto value = reinterpret_cast<uintptr_t>(address);
  return value & (~value + 1);
}

cublasStatus_t refuse(const char* what) {
  std::fprintf(stderr, "cuda emulator: cublasLtMatmul: %s does not fit\n", what);
  return CUBLAS_STATUS_INVALID_VALUE;
}

}  // namespace
}  // namespace cuda_emulator

using namespace cuda_emulator;

extern "C" {

cublasStatus_t cublasLtCreate(cublasLtHandle_t* handle) {
  *handle = new LtHandle;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtDestroy(cublasLtHandle_t handle) {
  delete handle;
  return CUBLAS_STATUS_SUCCESS;
}
const char* cublasLtGetStatusName(cublasStatus_t status) {
  switch (status) {
    case CUBLAS_STATUS_SUCCESS:
      return "CUBLAS_STATUS_SUCCESS";
    case CUBLAS_STATUS_ALLOC_FAILED:
      return "CUBLAS_STATUS_ALLOC_FAILED";
    case CUBLAS_STATUS_INVALID_VALUE:
      return "CUBLAS_STATUS_INVALID_VALUE";
    case CUBLAS_STATUS_EXECUTION_FAILED:
      return "CUBLAS_STATUS_EXECUTION_FAILED";
    case CUBLAS_STATUS_NOT_SUPPORTED:
      return "CUBLAS_STATUS_NOT_SUPPORTED";
    default:
      return "CUBLAS_STATUS_INTERNAL_ERROR";
  }
}
size_t cublasLtGetVersion() { return 130100; }

cublasStatus_t cublasLtMatmulDescCreate(cublasLtMatmulDesc_t* desc, cublasComputeType_t,
                                        cudaDataType_t scale) {
  if (scale != CUDA_R_32F) return CUBLAS_STATUS_NOT_SUPPORTED;
  *desc = new LtDesc;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulDescDestroy(cublasLtMatmulDesc_t desc) {
  delete desc;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulDescSetAttribute(cublasLtMatmulDesc_t desc,
                                              cublasLtMatmulDescAttributes_t attribute, const void* value,
                                              size_t bytes) {
  if (bytes != sizeof(cublasOperation_t)) return CUBLAS_STATUS_INVALID_VALUE;
  std::memcpy(attribute == CUBLASLT_MATMUL_DESC_TRANSA ? &desc->a : &desc->b, value, bytes);
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatrixLayoutCreate(cublasLtMatrixLayout_t* layout, cudaDataType_t type, uint64_t rows,
                                          uint64_t columns, int64_t leading) {
  *layout = new LtLayout{type, static_cast<int64_t>(rows), static_cast<int64_t>(columns), leading};
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatrixLayoutDestroy(cublasLtMatrixLayout_t layout) {
  delete layout;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulPreferenceCreate(cublasLtMatmulPreference_t* preference) {
  *preference = new LtPreference;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulPreferenceDestroy(cublasLtMatmulPreference_t preference) {
  delete preference;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasLtMatmulPreferenceSetAttribute(cublasLtMatmulPreference_t preference,
                                                    cublasLtMatmulPreferenceAttributes_t attribute,
                                                    const void* value, size_t bytes) {
  if (attribute == CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES) {
    if (bytes != sizeof(uint64_t)) return CUBLAS_STATUS_INVALID_VALUE;
    std::memcpy(&preference->workspace, value, bytes);
    return CUBLAS_STATUS_SUCCESS;
  }
  uint32_t number = 0;
  if (bytes != sizeof number) return CUBLAS_STATUS_INVALID_VALUE;
  std::memcpy(&number, value, bytes);
  if (attribute == CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK) {
    preference->reductions = number;
    return CUBLAS_STATUS_SUCCESS;
  }
  const int operand = attribute - CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES;
  if (operand < 0 || operand > 3 || number == 0) return CUBLAS_STATUS_INVALID_VALUE;
  preference->alignments[operand] = number;
  return CUBLAS_STATUS_SUCCESS;
}

// There are products that the library has no algorithm for: here those of bf16 at odd addresses.
cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t, cublasLtMatmulDesc_t desc,
                                              cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                              cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
                                              cublasLtMatmulPreference_t preference, int wanted,
                                              cublasLtMatmulHeuristicResult_t* results, int* found) {
  *found = 0;
  if (wanted < 1) return CUBLAS_STATUS_INVALID_VALUE;
  if (const char* const problem = Product{*desc, *a, *b, *c, *d}.problem()) return refuse(problem);
  int operand = 0;
  for (const LtLayout* layout : {a, b, c, d}) {
    const bool odd = layout->leading % 2 != 0 || preference->alignments[operand++] < 4;
    if (layout->type == CUDA_R_16BF && odd) return CUBLAS_STATUS_NOT_SUPPORTED;
  }
  for (size_t i = 0; i < std::size(algorithms) && *found < wanted; ++i) {
    const Algorithm& algorithm = algorithms[i];
    if ((algorithm.reduction & ~static_cast<int>(preference->reductions)) != 0) continue;
    cublasLtMatmulHeuristicResult_t& result = results[(*found)++];
    result = {};
    result.state = algorithm.works ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_NOT_SUPPORTED;
    result.workspaceSize = preference->workspace;
    result.algo.data[workspace_word] = preference->workspace;
    result.algo.data[index_word] = i;
    for (int k = 0; k < 4; ++k)
      result.algo.data[alignment_words + k] = std::min(preference->alignments[k], uint32_t{16});
  }
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmulAlgoConfigGetAttribute(const cublasLtMatmulAlgo_t* algo,
                                                    cublasLtMatmulAlgoConfigAttributes_t attribute,
                                                    void* value, size_t bytes, size_t* written) {
  const bool is_short =
      attribute == CUBLASLT_ALGO_CONFIG_INNER_SHAPE_ID || attribute == CUBLASLT_ALGO_CONFIG_CLUSTER_SHAPE_ID;
  if (!value || bytes != (is_short ? sizeof(uint16_t) : sizeof(uint32_t))) return CUBLAS_STATUS_INVALID_VALUE;
  const Algorithm& algorithm = algorithms[algo->data[index_word]];
  uint32_t found = 0;
  if (attribute == CUBLASLT_ALGO_CONFIG_ID) found = 66;
  if (attribute == CUBLASLT_ALGO_CONFIG_TILE_ID) found = static_cast<uint32_t>(algorithm.tile);
  if (attribute == CUBLASLT_ALGO_CONFIG_SPLITK_NUM) found = static_cast<uint32_t>(algorithm.parts);
  if (attribute == CUBLASLT_ALGO_CONFIG_REDUCTION_SCHEME) found = static_cast<uint32_t>(algorithm.reduction);
  std::memcpy(value, &found, bytes);  // little-endian
  if (written) *written = bytes;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t, cublasLtMatmulDesc_t desc, const void* alpha, const void* a,
                              cublasLtMatrixLayout_t a_layout, const void* b, cublasLtMatrixLayout_t b_layout,
                              const void* beta, const void* c, cublasLtMatrixLayout_t c_layout, void* d,
                              cublasLtMatrixLayout_t d_layout, const cublasLtMatmulAlgo_t* algorithm,
                              void* workspace, size_t workspace_bytes, cudaStream_t stream) {
  const std::lock_guard lock(big_lock());
  Product product = {*desc, *a_layout, *b_layout, *c_layout, *d_layout};
  product.alpha = *static_cast<const float*>(alpha);
  product.beta = *static_cast<const float*>(beta);
  product.a_data = a, product.b_data = b, product.c_data = c, product.d_data = d;
  if (const char* const problem = product.problem()) return refuse(problem);
  if (!is_device_memory(a, a_layout->bytes())) return refuse("the memory of a");
  if (!is_device_memory(b, b_layout->bytes())) return refuse("the memory of b");
  if (!is_device_memory(d, d_layout->bytes())) return refuse("the memory of the result");
  if (product.beta != 0 && !is_device_memory(c, c_layout->bytes())) return refuse("the memory of c");
  if (c == d && c_layout->leading != d_layout->leading) return refuse("a result in place");
  if (algorithm) {
    if (workspace_bytes < algorithm->data[workspace_word] || !is_device_memory(workspace, workspace_bytes) ||
        alignment_of(workspace) < 256)
      return refuse("the workspace");
    int operand = 0;
    for (const void* const address : {a, b, c, static_cast<const void*>(d)})
      if (alignment_of(address) < algorithm->data[alignment_words + operand++]) return refuse("an alignment");
    if (algorithm->data[index_word] >= std::size(algorithms)) return refuse("the algorithm");
    product.algorithm = &algorithms[algorithm->data[index_word]];
    if (!product.algorithm->works) return CUBLAS_STATUS_NOT_SUPPORTED;
  }
  const cudaError_t error = enqueue(stream, [product] { product.run(); });
  return error == cudaSuccess ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_EXECUTION_FAILED;
}

}  // extern "C"
