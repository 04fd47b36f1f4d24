// What only the address sanitizer sees of a kernel: reads just outside of an array that touch nothing forbidden to the
// hardware. This file is compiled twice, with kernels that are instrumented and with ones that are not.
#include "cuda/emulator_kernels.h"
#include "cuda/emulator_support.h"
#include "support/cuda_emulator/sanitizer.h"

namespace cuda_emulator {
namespace {

using namespace faulty;

// Ends the process when something was found.
class Sanitizer : public EmulatorTest {
 protected:
  void reads(bool shared, int index) {
    const Buffer<float> y(1);
    start_array(shared, stream, index, y.data());
    if (cudaStreamSynchronize(stream) != cudaSuccess) std::abort();
    if (index < 32 && y.read()[0] != 1) std::abort();
  }
};
using SanitizerDeathTest = Sanitizer;

TEST_F(SanitizerDeathTest, ReadsPastStaticSharedMemory) {
  reads(true, 31);
  if (sanitized)
    EXPECT_DEATH(reads(true, 32), "global-buffer-overflow");
  else
    reads(true, 32);
}

TEST_F(SanitizerDeathTest, ReadsPastAnArrayOfAThread) {
  reads(false, 31);
  if (sanitized)
    EXPECT_DEATH(reads(false, 32), "stack-buffer-overflow");
  else
    reads(false, 32);
}

TEST_F(SanitizerDeathTest, ReadsPastDynamicSharedMemory) {
  const auto read = [&](int count) {
    const Buffer<float> y(1);
    start_shared(stream, 38 * sizeof(float), 38, count, y.data());
    if (cudaStreamSynchronize(stream) != cudaSuccess) std::abort();
  };
  read(38);
  if (sanitized)
    EXPECT_DEATH(read(39), "use-after-poison");
  else
    read(39);
}

TEST_F(SanitizerDeathTest, ReadsPastAnAllocationByLessThanItsAlignment) {
  const auto read = [&](size_t there) {
    const Buffer<float> x(there), y(64);
    start_copy(stream, 1, 64, x.data(), y.data());
    if (cudaStreamSynchronize(stream) != cudaSuccess) std::abort();
  };
  read(64);
  if (sanitized)
    EXPECT_DEATH(read(63), "AddressSanitizer.*(\n.*)*copy_kernel");
  else
    read(63);
}

}  // namespace
}  // namespace cuda_emulator
