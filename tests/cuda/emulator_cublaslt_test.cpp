// The emulated cuBLASLt refuses what the real one does not allow, so that misuse is seen without a GPU.
#include <gtest/gtest.h>

#include <vector>

#include "cublasLt.h"
#include "emulator_support.h"

namespace cuda_emulator {
namespace {

class CublasLt : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(cublasLtCreate(&handle), CUBLAS_STATUS_SUCCESS);
    ASSERT_EQ(cublasLtMatmulDescCreate(&desc, CUBLAS_COMPUTE_32F, CUDA_R_32F), CUBLAS_STATUS_SUCCESS);
    ASSERT_EQ(cublasLtMatmulPreferenceCreate(&preference), CUBLAS_STATUS_SUCCESS);
    prefer(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, uint64_t{1024});
  }
  void TearDown() override {
    cublasLtMatmulPreferenceDestroy(preference);
    cublasLtMatmulDescDestroy(desc);
    cublasLtDestroy(handle);
  }
  template <typename T>
  void prefer(cublasLtMatmulPreferenceAttributes_t attribute, T value) {
    ASSERT_EQ(cublasLtMatmulPreferenceSetAttribute(preference, attribute, &value, sizeof value),
              CUBLAS_STATUS_SUCCESS);
  }
  void set_alignments(uint32_t bytes) {
    for (int i = 0; i < 4; ++i)
      prefer(static_cast<cublasLtMatmulPreferenceAttributes_t>(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES + i), bytes);
  }
  // Square matrices of 32 with these types; at most eight results.
  cublasStatus_t ask(cudaDataType_t operands, cudaDataType_t result, int64_t leading = 32) {
    for (auto& [layout, type] : {std::pair{&operand, operands}, {&product, result}}) {
      if (*layout) cublasLtMatrixLayoutDestroy(*layout);
      cublasLtMatrixLayoutCreate(layout, type, 32, 32, leading);
    }
    return cublasLtMatmulAlgoGetHeuristic(handle, desc, operand, operand, product, product, preference, 8, results,
                                          &found);
  }
  cublasStatus_t multiply(const cublasLtMatmulAlgo_t& algorithm, const std::byte* a, std::byte* d,
                          std::byte* workspace_at, size_t workspace_bytes = 1024) {
    const float alpha = 1, beta = 0;
    return cublasLtMatmul(handle, desc, &alpha, a, operand, a, operand, &beta, d, product, d, product, &algorithm,
                          workspace_at, workspace_bytes, nullptr);
  }

  cublasLtHandle_t handle = nullptr;
  cublasLtMatmulDesc_t desc = nullptr;
  cublasLtMatrixLayout_t operand = nullptr, product = nullptr;
  cublasLtMatmulPreference_t preference = nullptr;
  cublasLtMatmulHeuristicResult_t results[8] = {};
  int found = 0;
};

TEST_F(CublasLt, TypesThatItHasNoProductFor) {
  EXPECT_EQ(ask(CUDA_R_32F, CUDA_R_32F), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(ask(CUDA_R_16BF, CUDA_R_32F), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(ask(CUDA_R_16BF, CUDA_R_16BF), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(ask(CUDA_R_32F, CUDA_R_16BF), CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(ask(CUDA_R_32F, CUDA_R_32F, 31), CUBLAS_STATUS_INVALID_VALUE) << "columns overlap";
  EXPECT_EQ(ask(CUDA_R_16BF, CUDA_R_16BF, 33), CUBLAS_STATUS_NOT_SUPPORTED);
}

TEST_F(CublasLt, AddressesThatWereNotPromised) {
  set_alignments(16);
  ASSERT_EQ(ask(CUDA_R_32F, CUDA_R_32F), CUBLAS_STATUS_SUCCESS);
  ASSERT_GE(found, 2);
  const Buffer<std::byte> a(8192), d(8192), workspace(2048);
  const cublasLtMatmulAlgo_t& algorithm = results[0].algo;
  EXPECT_EQ(multiply(algorithm, a.data(), d.data(), workspace.data()), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(multiply(algorithm, a.data() + 8, d.data(), workspace.data()), CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(multiply(algorithm, a.data(), d.data() + 8, workspace.data()), CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(multiply(algorithm, a.data(), d.data(), workspace.data() + 128), CUBLAS_STATUS_INVALID_VALUE);
  EXPECT_EQ(multiply(algorithm, a.data(), d.data(), workspace.data(), 1000), CUBLAS_STATUS_INVALID_VALUE);
  set_alignments(4);
  ASSERT_EQ(ask(CUDA_R_32F, CUDA_R_32F), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(multiply(results[0].algo, a.data() + 4, d.data() + 4, workspace.data()), CUBLAS_STATUS_SUCCESS);
  ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess);
}

// One algorithm rounds parts of a sum to the type of the result, unless told not to; one does not run.
TEST_F(CublasLt, OffersAlgorithmsThatDiffer) {
  const auto config = [](const cublasLtMatmulAlgo_t& algorithm, cublasLtMatmulAlgoConfigAttributes_t attribute) {
    uint32_t value = 0;
    size_t written = 0;
    EXPECT_EQ(cublasLtMatmulAlgoConfigGetAttribute(&algorithm, attribute, &value, sizeof value, &written),
              CUBLAS_STATUS_SUCCESS);
    EXPECT_EQ(written, sizeof value);
    return value;
  };
  ASSERT_EQ(ask(CUDA_R_16BF, CUDA_R_16BF), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(config(results[0].algo, CUBLASLT_ALGO_CONFIG_REDUCTION_SCHEME),
            static_cast<uint32_t>(CUBLASLT_REDUCTION_SCHEME_OUTPUT_TYPE));
  const int all = found;
  prefer(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, static_cast<uint32_t>(CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE));
  ASSERT_EQ(ask(CUDA_R_16BF, CUDA_R_16BF), CUBLAS_STATUS_SUCCESS);
  EXPECT_EQ(found, all - 1);
  EXPECT_EQ(config(results[0].algo, CUBLASLT_ALGO_CONFIG_REDUCTION_SCHEME),
            static_cast<uint32_t>(CUBLASLT_REDUCTION_SCHEME_NONE));
  int refused = 0;
  for (int i = 0; i < found; ++i) refused += results[i].state != CUBLAS_STATUS_SUCCESS;
  EXPECT_EQ(refused, 1);
}

}  // namespace
}  // namespace cuda_emulator
