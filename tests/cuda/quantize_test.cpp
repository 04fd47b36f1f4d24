// NF4 on every device: each byte of the tensor is the CPU's, which bitsandbytes' own results hold in
// tests/cpu/quantize_nf4_test.cpp.
#include "cuda/device_matrix.h"

#include "base/half.h"
#include "cpu/cpu_backend.h"
#include "tensor/nf4.h"

namespace peft {
namespace {

std::vector<float> normal_values(int64_t count, uint64_t seed) {
  RandomStream random(seed, 5);
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) value = static_cast<float>(random.normal()) * 0.02f;
  return values;
}

class QuantizeKernel : public DeviceTest {
 protected:
  static View nf4_view(std::byte* data, const Shape& shape, DType dtype) {
    View y;
    y.data = data;
    y.shape = shape;
    y.row_stride = y.columns();
    y.dtype = dtype;
    y.all_rows = y.rows();
    return y;
  }

  // `lead` elements of x lie before the first, so that it begins at addresses of every kind.
  void check(const std::vector<float>& values, const Shape& shape, int64_t lead = 0,
             const std::vector<DType>& sources = {DType::f32, DType::bf16}) {
    for (const DType source : sources) {
      std::vector<std::byte> bytes((values.size() + static_cast<size_t>(lead)) * (source == DType::f32 ? 4 : 2));
      for (size_t i = 0; i < values.size(); ++i) {
        const uint16_t half = float_to_bfloat16(values[i]);
        const size_t at = i + static_cast<size_t>(lead);
        source == DType::f32 ? std::memcpy(bytes.data() + 4 * at, &values[i], 4)
                             : std::memcpy(bytes.data() + 2 * at, &half, 2);
      }
      for (const DType dtype : {DType::nf4, DType::nf4_double}) {
        SCOPED_TRACE(std::string(name_of(dtype)) + " of " + std::string(name_of(source)) + " " + to_string(shape) +
                     " lead " + std::to_string(lead));
        const Nf4Layout layout = Nf4Layout::of(dtype, shape.elements());
        // 64 bytes of guard behind.
        std::vector<std::byte> expected(static_cast<size_t>(layout.total_bytes) + 64, std::byte{0x5a});
        std::vector<std::byte> found = expected;
        ConstView x;
        x.data = bytes.data() + lead * traits(source).block_bytes;
        x.shape = shape;
        x.row_stride = shape.columns();
        x.dtype = source;
        CpuBackend cpu(nullptr, 1);
        cpu.quantize_nf4(x, nf4_view(expected.data(), shape, dtype));

        Backend& backend = context->backend();
        const auto input = make_storage(backend.memory(), static_cast<int64_t>(bytes.size()) + 1);
        const auto output = make_storage(backend.memory(), static_cast<int64_t>(found.size()));
        backend.copy_from_host(bytes.data(), input->data(), static_cast<int64_t>(bytes.size()));
        backend.copy_from_host(found.data(), output->data(), static_cast<int64_t>(found.size()));
        x.data = input->data() + lead * traits(source).block_bytes;
        backend.quantize_nf4(x, nf4_view(output->data(), shape, dtype));
        backend.copy_to_host(output->data(), found.data(), static_cast<int64_t>(found.size()));

        const auto compare = [&](const char* part, int64_t begin, int64_t size) {
          for (int64_t i = begin; i < begin + size; ++i) {
            ASSERT_EQ(found[static_cast<size_t>(i)], expected[static_cast<size_t>(i)]) << part << " byte " << i - begin;
          }
        };
        compare("codes", 0, layout.codes_bytes);
        compare("maxima", layout.maxima_offset, layout.blocks * (dtype == DType::nf4 ? 4 : 1));
        compare("nested maxima", layout.nested_offset, layout.nested_blocks * 4);
        compare("offset", layout.offset_offset, dtype == DType::nf4 ? 0 : 4);
        compare("guard", layout.total_bytes, 64);
        if (HasFatalFailure()) return;
      }
    }
  }
};
INSTANTIATE_TEST_SUITE_P(Devices, QuantizeKernel, every_device());

TEST_P(QuantizeKernel, OddShapes) {
  for (const Shape& shape : {Shape{1, 1}, Shape{1, 2}, Shape{1, 7}, Shape{1, 63}, Shape{1, 64}, Shape{1, 65},
                             Shape{3, 50}, Shape{7, 64}, Shape{5, 331}, Shape{16, 256}}) {
    check(normal_values(shape.elements(), 3), shape);
    check(normal_values(shape.elements(), 4), shape, 1);
    if (HasFatalFailure()) return;
  }
}

// The offset's sum changes its form at 8 and 32 values, at whole steps of 16 rows of 32 and at whole steps of those.
TEST_P(QuantizeKernel, SumsOfEveryLength) {
  for (const int64_t blocks : {1,   2,   3,   4,   5,   6,   7,   8,   9,    31,   32,   33,   40,
                               63,  255, 256, 257, 511, 512, 513, 544, 8191, 8192, 8193, 8250, 17000}) {
    const Shape shape{blocks, 64};
    check(normal_values(shape.elements(), static_cast<uint64_t>(blocks)), shape, 0, {DType::f32});
    if (HasFatalFailure()) return;
  }
}

// More than the 32 sums of 8192 maxima that run side by side, with a rest of every kind.
TEST_P(QuantizeKernel, SumsOfALargeTensor) {
  constexpr int64_t blocks = 33 * 8192 + 3 * 512 + 5 * 32 + 17;
  std::vector<float> values(blocks * 64, 0.0f);
  RandomStream random(9, 5);
  // One of the 32 sums alone, so that no bit of it is lost under the others.
  for (size_t block = 0; block < blocks; block += 32) values[block * 64] = static_cast<float>(random.normal());
  check(values, Shape{blocks, 64}, 0, {DType::bf16});
}

TEST_P(QuantizeKernel, UnusualValues) {
  constexpr float huge = 3.0e38f, tiny = 1e-45f, infinity = std::numeric_limits<float>::infinity();
  std::vector<float> values(64 * 9);
  for (size_t i = 64; i < 128; ++i) values[i] = i % 2 == 0 ? -0.0f : 0.0f;
  for (size_t i = 128; i < 192; ++i) values[i] = tiny * static_cast<float>(i);
  for (size_t i = 192; i < 256; ++i) values[i] = huge / static_cast<float>(i);
  values[200] = -huge;
  for (size_t i = 320; i < 384; ++i) values[i] = 1.0f;
  // Halfway between two codes goes to the lower one.
  values[384] = 1.0f;
  for (size_t i = 0; i < 15; ++i) values[385 + i] = (nf4_values[i] + nf4_values[i + 1]) / 2.0f;
  check(values, Shape{9, 64});
  check(std::vector<float>(64 * 3 + 5, 0.0f), Shape{1, 64 * 3 + 5});
  values[450] = infinity;
  values[451] = 0.3f;
  check(values, Shape{9, 64});
}

}  // namespace
}  // namespace peft
