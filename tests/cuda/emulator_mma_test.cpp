// What stands for tensor-core instructions on the emulated GPU does to registers what the PTX ISA says.
#include <cstdint>
#include <vector>

#include "base/half.h"
#include "cuda/emulator_support.h"
#include "cuda/mma_kernels.h"

namespace cuda_emulator {
namespace {

class Mma : public EmulatorTest {};

TEST_F(Mma, ProductsGoWhereTheirElementsLie) {
  // Small whole numbers: exact in bf16 and in sums.
  std::vector<uint16_t> a(16 * 16), b(16 * 8);
  std::vector<float> c(16 * 8), expected(16 * 8);
  const auto number = [](size_t i, size_t step) { return static_cast<float>(i * step % 17) - 8.0f; };
  for (size_t i = 0; i < a.size(); ++i) a[i] = peft::float_to_bfloat16(number(i, 7));
  for (size_t i = 0; i < b.size(); ++i) b[i] = peft::float_to_bfloat16(number(i, 5));
  for (size_t row = 0; row < 16; ++row) {
    for (size_t column = 0; column < 8; ++column) {
      float sum = c[8 * row + column] = number(8 * row + column, 3);
      for (size_t k = 0; k < 16; ++k) sum += number(16 * row + k, 7) * number(8 * k + column, 5);
      expected[8 * row + column] = sum;
    }
  }
  const Buffer<uint16_t> left(a), right(b);
  const Buffer<float> sums(c);
  peft::start_mma(stream, left.data(), right.data(), sums.data());
  ASSERT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
  EXPECT_EQ(sums.read(), expected);
}

TEST_F(Mma, MatricesAreLoadedAsTheyAreOrTransposed) {
  std::vector<uint16_t> matrices(4 * 64);
  for (size_t i = 0; i < matrices.size(); ++i) matrices[i] = static_cast<uint16_t>(i * 201);
  const Buffer<uint16_t> from(matrices);
  for (const bool transposed : {false, true}) {
    SCOPED_TRACE(transposed);
    const Buffer<uint32_t> to(32 * 4);
    peft::start_load_matrices(stream, transposed, from.data(), to.data());
    ASSERT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
    const std::vector<uint32_t> registers = to.read();
    for (size_t lane = 0; lane < 32; ++lane) {
      for (size_t m = 0; m < 4; ++m) {
        const auto element = [&](size_t i) {
          const size_t row = lane / 4, column = 2 * (lane % 4) + i;
          return static_cast<uint32_t>(matrices[64 * m + (transposed ? 8 * column + row : 8 * row + column)]);
        };
        EXPECT_EQ(registers[4 * lane + m], element(0) | element(1) << 16) << "lane " << lane << ", matrix " << m;
      }
    }
  }
}

}  // namespace
}  // namespace cuda_emulator
