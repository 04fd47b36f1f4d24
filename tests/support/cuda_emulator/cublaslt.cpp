// d = alpha op(a) op(b) + beta c, column-major, in the order of a stream. f32 and bf16 operands; sums and
// results f32.
#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstring>
#include <vector>

#include "cublasLt.h"
#include "queue.h"

namespace cuda_emulator {

struct LtHandle {};
struct LtDesc {
  cublasOperation_t a = CUBLAS_OP_N, b = CUBLAS_OP_N;
};
struct LtLayout {
  cudaDataType_t type;
  int64_t rows, columns, leading;
  int64_t element_bytes() const { return type == CUDA_R_16BF ? 2 : 4; }
  size_t bytes() const { return static_cast<size_t>(((columns - 1) * leading + rows) * element_bytes()); }
};
struct LtPreference {
  uint64_t workspace = 0;
  uint32_t smallest_alignment = 256;
};

namespace {

float element(const void* data, cudaDataType_t type, int64_t index) {
  if (type == CUDA_R_32F) return static_cast<const float*>(data)[index];
  return std::bit_cast<float>(static_cast<uint32_t>(static_cast<const uint16_t*>(data)[index]) << 16);
}

// outer vectors of `depth` numbers, one after another.
std::vector<float> pack(const void* data, const LtLayout& layout, bool depth_is_columns, int64_t outer,
                        int64_t depth) {
  std::vector<float> packed(static_cast<size_t>(outer * depth));
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t d = 0; d < depth; ++d)
      packed[static_cast<size_t>(o * depth + d)] =
          element(data, layout.type, depth_is_columns ? d * layout.leading + o : o * layout.leading + d);
  return packed;
}

float dot(const float* x, const float* y, int64_t count) {
  constexpr int64_t lanes = 16;
  float sums[lanes] = {};
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes)
    for (int64_t lane = 0; lane < lanes; ++lane) sums[lane] += x[i + lane] * y[i + lane];
  float total = 0;
  for (const float sum : sums) total += sum;
  for (; i < count; ++i) total += x[i] * y[i];
  return total;
}

struct Operation {
  LtDesc desc;
  LtLayout a, b, c, d;
  float alpha, beta;
  const void *a_data, *b_data;
  const float* c_data;
  float* d_data;

  int64_t m() const { return d.rows; }
  int64_t n() const { return d.columns; }
  int64_t k() const { return desc.a == CUBLAS_OP_N ? a.columns : a.rows; }

  const char* problem() const {
    const auto& l = *this;
    if ((desc.a == CUBLAS_OP_N ? a.rows : a.columns) != m()) return "rows of op(a)";
    if ((desc.b == CUBLAS_OP_N ? b.columns : b.rows) != n()) return "columns of op(b)";
    if ((desc.b == CUBLAS_OP_N ? b.rows : b.columns) != k()) return "the summed dimension";
    if (c.rows != m() || c.columns != n()) return "c";
    if (a.type != b.type) return "types of a and b";
    if (c.type != CUDA_R_32F || d.type != CUDA_R_32F) return "type of the result";
    for (const LtLayout* layout : {&l.a, &l.b, &l.c, &l.d})
      if (layout->rows < 1 || layout->columns < 1 || layout->leading < layout->rows)
        return "a leading dimension";
    return nullptr;
  }

  void run() const {
    const std::vector<float> left = pack(a_data, a, desc.a == CUBLAS_OP_N, m(), k());
    const std::vector<float> right = pack(b_data, b, desc.b == CUBLAS_OP_T, n(), k());
    for (int64_t j = 0; j < n(); ++j)
      for (int64_t i = 0; i < m(); ++i) {
        const float sum =
            alpha * dot(&left[static_cast<size_t>(i * k())], &right[static_cast<size_t>(j * k())], k());
        float& out = d_data[j * d.leading + i];
        out = beta == 0 ? sum : sum + beta * c_data[j * c.leading + i];
      }
  }
};

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
  uint32_t alignment = 0;
  if (bytes != sizeof alignment) return CUBLAS_STATUS_INVALID_VALUE;
  std::memcpy(&alignment, value, bytes);
  preference->smallest_alignment = std::min(preference->smallest_alignment, alignment);
  return CUBLAS_STATUS_SUCCESS;
}

// There are products that the library has no algorithm for: here those of bf16 at odd addresses.
cublasStatus_t cublasLtMatmulAlgoGetHeuristic(cublasLtHandle_t, cublasLtMatmulDesc_t,
                                              cublasLtMatrixLayout_t a, cublasLtMatrixLayout_t b,
                                              cublasLtMatrixLayout_t, cublasLtMatrixLayout_t,
                                              cublasLtMatmulPreference_t preference, int wanted,
                                              cublasLtMatmulHeuristicResult_t* results, int* found) {
  *found = 0;
  if (wanted < 1) return CUBLAS_STATUS_INVALID_VALUE;
  const bool odd = a->leading % 2 != 0 || b->leading % 2 != 0 || preference->smallest_alignment < 4;
  if (a->type == CUDA_R_16BF && odd) return CUBLAS_STATUS_NOT_SUPPORTED;
  results[0] = {};
  results[0].state = CUBLAS_STATUS_SUCCESS;
  results[0].algo.data[0] = preference->workspace;
  *found = 1;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasLtMatmul(cublasLtHandle_t, cublasLtMatmulDesc_t desc, const void* alpha, const void* a,
                              cublasLtMatrixLayout_t a_layout, const void* b, cublasLtMatrixLayout_t b_layout,
                              const void* beta, const void* c, cublasLtMatrixLayout_t c_layout, void* d,
                              cublasLtMatrixLayout_t d_layout, const cublasLtMatmulAlgo_t* algorithm,
                              void* workspace, size_t workspace_bytes, cudaStream_t stream) {
  const std::lock_guard lock(big_lock());
  const Operation operation = {*desc,
                               *a_layout,
                               *b_layout,
                               *c_layout,
                               *d_layout,
                               *static_cast<const float*>(alpha),
                               *static_cast<const float*>(beta),
                               a,
                               b,
                               static_cast<const float*>(c),
                               static_cast<float*>(d)};
  if (const char* const problem = operation.problem()) return refuse(problem);
  if (!is_device_memory(a, a_layout->bytes())) return refuse("the memory of a");
  if (!is_device_memory(b, b_layout->bytes())) return refuse("the memory of b");
  if (!is_device_memory(d, d_layout->bytes())) return refuse("the memory of the result");
  if (operation.beta != 0 && !is_device_memory(c, c_layout->bytes())) return refuse("the memory of c");
  if (algorithm && (workspace_bytes < algorithm->data[0] || !is_device_memory(workspace, workspace_bytes)))
    return refuse("the workspace");
  const cudaError_t error = enqueue(stream, [operation] { operation.run(); });
  return error == cudaSuccess ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_EXECUTION_FAILED;
}

}  // extern "C"
