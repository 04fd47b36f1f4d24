// Decoding on every device: the bits of the format's reference decoder (tests/cpu/decode_test.cpp) at every place.
#include "cuda/stored_on_device.h"

#include "base/half.h"

namespace peft {
namespace {

class DecodeKernel : public DeviceTest {
 protected:
  // Rows [first, first + rows) of `stored`, to f32 and to bf16, at every kind of place.
  void check(const Stored& stored, int64_t first, int64_t rows, int64_t lead = 0) {
    const StoredOnDevice whole(*context, stored, lead);
    const ConstView x = whole.view().row_range(first, rows);
    const int64_t columns = x.columns();
    for (const Placement place : placements) {
      SCOPED_TRACE("gap " + std::to_string(place.gap) + " lead " + std::to_string(place.lead));
      FloatMatrix floats(*context, rows, columns, place);
      DeviceMatrix<uint16_t> halves(*context, rows, columns, place);
      context->backend().dequantize(x, floats.view());
      context->backend().dequantize(x, halves.view());
      for (int64_t r = 0; r < rows; ++r) {
        for (int64_t c = 0; c < columns; ++c) {
          const auto expected = static_cast<float>(stored.at(first + r, c));
          ASSERT_EQ(std::bit_cast<uint32_t>(std::as_const(floats).at(r, c)), std::bit_cast<uint32_t>(expected))
              << r << " " << c;
          ASSERT_EQ(std::as_const(halves).at(r, c), float_to_bfloat16(expected)) << r << " " << c;
        }
      }
      ASSERT_TRUE(floats.guards_intact());
      ASSERT_TRUE(halves.guards_intact());
    }
  }
};
INSTANTIATE_TEST_SUITE_P(Devices, DecodeKernel, every_device());

TEST_P(DecodeKernel, EveryTypeAndPlace) {
  for (const DType dtype : decodable_types) {
    SCOPED_TRACE(name_of(dtype));
    for (const int64_t columns : {1, 63, 512}) {
      for (const int64_t gap : {0, 8, 3}) {
        if (gap > 0 && is_quantized(dtype)) continue;
        for (const int64_t lead : {0, 1}) {
          if (lead > 0 && is_quantized(dtype)) continue;
          check(Stored(dtype, 5, whole_blocks(dtype, columns), 3, gap), 0, 5, lead);
          if (HasFatalFailure()) return;
        }
      }
    }
  }
}

TEST_P(DecodeKernel, SlicesOfRows) {
  for (const DType dtype : decodable_types) {
    SCOPED_TRACE(name_of(dtype));
    // Rows of 50 begin at odd places within blocks of 64, those of 68 at multiples of 4, of 72 at multiples of 8.
    for (const int64_t columns : {50, 68, 72, 256}) {
      check(Stored(dtype, 40, whole_blocks(dtype, columns), 11), 13, 21);
      if (HasFatalFailure()) return;
    }
  }
}

// One value an odd tensor, and several blocks of threads with a last one that is not full.
TEST_P(DecodeKernel, SmallAndLargeNf4) {
  for (const DType dtype : {DType::nf4, DType::nf4_double}) {
    SCOPED_TRACE(name_of(dtype));
    check(Stored(dtype, 1, 1, 1), 0, 1);
    check(Stored(dtype, 3, 7, 2), 1, 2);
    check(Stored(dtype, 37, 1021, 3), 0, 37);
    check(Stored(dtype, 19, 4096, 4), 2, 17);
    if (HasFatalFailure()) return;
  }
}

// Every byte as every code, under scales of every kind: zeros of both signs, subnormals, infinities.
TEST_P(DecodeKernel, UnusualScales) {
  for (const DType dtype : {DType::q4_0, DType::q4_1, DType::q5_0, DType::q5_1, DType::q8_0, DType::q2_k, DType::q3_k,
                            DType::q4_k, DType::q5_k, DType::q6_k}) {
    SCOPED_TRACE(name_of(dtype));
    const int64_t block = traits(dtype).block_elements, bytes = traits(dtype).block_bytes;
    constexpr int64_t blocks = 64;
    std::mt19937 random(7);
    std::vector<uint8_t> data(static_cast<size_t>(blocks * bytes));
    for (auto& byte : data) byte = static_cast<uint8_t>(random());
    ConstView host;
    host.data = reinterpret_cast<const std::byte*>(data.data());
    host.dtype = dtype;
    host.shape = Shape{blocks, block};
    host.row_stride = block;
    const auto storage = make_storage(context->backend().memory(), blocks * bytes);
    context->backend().copy_from_host(host.data, storage->data(), blocks * bytes);
    ConstView x = host;
    x.data = storage->data();
    FloatMatrix y(*context, blocks, block);
    context->backend().dequantize(x, y.view());
    const RowDecoder decoder(host);
    std::vector<float> expected(static_cast<size_t>(block));
    for (int64_t r = 0; r < blocks; ++r) {
      decoder.decode(r, 0, block, expected.data());
      for (int64_t c = 0; c < block; ++c) {
        const float wanted = expected[static_cast<size_t>(c)], found = std::as_const(y).at(r, c);
        if (std::isnan(wanted)) {
          ASSERT_TRUE(std::isnan(found)) << r << " " << c;
        } else {
          ASSERT_EQ(std::bit_cast<uint32_t>(found), std::bit_cast<uint32_t>(wanted)) << r << " " << c;
        }
      }
    }
  }
}

TEST_P(DecodeKernel, NothingToDecode) {
  const Stored none(DType::nf4, 0, 64, 1);
  check(none, 0, 0);
  check(Stored(DType::q4_0, 3, 32, 1), 3, 0);
}

TEST_P(DecodeKernel, IntegersAreRefused) {
  IndexMatrix x(*context, 2, 4);
  FloatMatrix y(*context, 2, 4);
  const ConstView x_view = x.view();
  const View y_view = y.view();
  EXPECT_THROW(
      {
        context->backend().dequantize(x_view, y_view);
        context->backend().raise_fault();
      },
      Error);
}

}  // namespace
}  // namespace peft
