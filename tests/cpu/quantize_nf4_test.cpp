#include "cpu/golden.h"
#include "base/half.h"
#include "cpu/support.h"
#include "tensor/nf4.h"

namespace peft::testing {
namespace {

struct Encoded {
  Nf4Layout layout;
  std::vector<std::byte> bytes;

  template <typename T>
  std::vector<T> part(int64_t offset, int64_t count) const {
    std::vector<T> result(static_cast<size_t>(count));
    std::memcpy(result.data(), bytes.data() + offset, static_cast<size_t>(count) * sizeof(T));
    return result;
  }
};

Encoded encode(CpuBackend& backend, const std::vector<float>& values, const std::vector<int64_t>& shape,
               DType dtype, DType source = DType::f32) {
  std::vector<uint16_t> rounded;
  ConstView x;
  x.data = reinterpret_cast<const std::byte*>(values.data());
  x.shape = Shape(std::span<const int64_t>(shape));
  x.row_stride = x.columns();
  x.dtype = source;
  if (source == DType::bf16) {
    for (float value : values) rounded.push_back(float_to_bfloat16(value));
    x.data = reinterpret_cast<const std::byte*>(rounded.data());
  }
  Encoded result;
  result.layout = Nf4Layout::of(dtype, x.elements());
  result.bytes.assign(static_cast<size_t>(result.layout.total_bytes), std::byte{0});
  View y;
  y.data = result.bytes.data();
  y.shape = x.shape;
  y.row_stride = x.columns();
  y.dtype = dtype;
  y.all_rows = x.rows();
  backend.quantize_nf4(x, y);
  return result;
}

TEST(QuantizeNf4, EqualsBitsandbytesBitForBit) {
  const GoldenFile golden("nf4/nf4.golden.safetensors");
  const auto stems = golden.stems(".values");
  ASSERT_GE(stems.size(), 10u);
  CpuBackend backend(nullptr, 2);
  for (const std::string& name : stems) {
    SCOPED_TRACE(name);
    const auto values = golden.values<float>(name + ".values");
    on_every_instruction_set([&] {
      const Encoded plain = encode(backend, values, golden.shape(name + ".values"), DType::nf4);
      const Nf4Layout& layout = plain.layout;
      EXPECT_EQ(plain.part<uint8_t>(0, layout.codes_bytes), golden.values<uint8_t>(name + ".codes"));
      EXPECT_EQ(plain.part<float>(layout.maxima_offset, layout.blocks),
                golden.values<float>(name + ".absmax"));

      const Encoded nested = encode(backend, values, golden.shape(name + ".values"), DType::nf4_double);
      const Nf4Layout& parts = nested.layout;
      EXPECT_EQ(nested.part<uint8_t>(0, parts.codes_bytes), golden.values<uint8_t>(name + ".codes"));
      EXPECT_EQ(nested.part<uint8_t>(parts.maxima_offset, parts.blocks),
                golden.values<uint8_t>(name + ".nested_codes"));
      EXPECT_EQ(nested.part<float>(parts.offset_offset, 1), golden.values<float>(name + ".nested_offset"));
      EXPECT_EQ(nested.part<float>(parts.nested_offset, parts.nested_blocks),
                golden.values<float>(name + ".nested_absmax"));
    });
  }
}

TEST(QuantizeNf4, BfloatValuesAreTakenAsTheyAre) {
  const GoldenFile golden("nf4/nf4.golden.safetensors");
  CpuBackend backend(nullptr, 2);
  const std::string name = "bfloat16";
  const Encoded found = encode(backend, golden.values<float>(name + ".values_as_float32"),
                               golden.shape(name + ".values_as_float32"), DType::nf4, DType::bf16);
  EXPECT_EQ(found.part<uint8_t>(0, found.layout.codes_bytes), golden.values<uint8_t>(name + ".codes"));
  EXPECT_EQ(found.part<float>(found.layout.maxima_offset, found.layout.blocks),
            golden.values<float>(name + ".absmax"));
}

TEST(QuantizeNf4, DecodedValuesEqualBitsandbytes) {
  const GoldenFile golden("nf4/nf4.golden.safetensors");
  CpuBackend backend(nullptr, 2);
  for (const std::string& name : golden.stems(".values")) {
    SCOPED_TRACE(name);
    const auto shape = golden.shape(name + ".values");
    // bitsandbytes' AVX-512 decoder takes a neighbour's maximum where a block begins inside a long row.
    if (shape.back() > 2 * nf4_block && shape.back() % nf4_block == 32) continue;
    for (DType dtype : {DType::nf4, DType::nf4_double}) {
      Encoded stored;
      stored.layout =
          Nf4Layout::of(dtype, static_cast<int64_t>(golden.values<float>(name + ".values").size()));
      stored.bytes.resize(static_cast<size_t>(stored.layout.total_bytes));
      const auto put = [&](const std::string& part, int64_t offset) {
        const auto bytes = golden.values<uint8_t>(name + part);
        std::memcpy(stored.bytes.data() + offset, bytes.data(), bytes.size());
      };
      put(".codes", 0);
      if (dtype == DType::nf4) {
        put(".absmax", stored.layout.maxima_offset);
      } else {
        put(".nested_codes", stored.layout.maxima_offset);
        put(".nested_absmax", stored.layout.nested_offset);
        put(".nested_offset", stored.layout.offset_offset);
      }
      ConstView x;
      x.data = stored.bytes.data();
      x.shape = Shape(std::span<const int64_t>(shape));
      x.row_stride = x.columns();
      x.dtype = dtype;
      x.all_rows = x.rows();
      on_every_instruction_set([&] {
        Floats32 y(x.rows(), x.columns(), 3);
        backend.dequantize(x, y.view());
        const auto expected =
            golden.values<float>(name + (dtype == DType::nf4 ? ".dequantized" : ".nested_dequantized"));
        for (int64_t r = 0; r < x.rows(); ++r) {
          for (int64_t c = 0; c < x.columns(); ++c) {
            ASSERT_EQ(y.at(r, c), expected[static_cast<size_t>(r * x.columns() + c)]) << r << " " << c;
          }
        }
        EXPECT_TRUE(y.guards_intact());
      });
    }
  }
}

TEST(QuantizeNf4, ThreadsChangeNoBit) {
  Floats32 x(301, 130);
  x.randomize(5);
  const std::vector<float> values(x.view().row<float>(), x.view().row<float>() + 301 * 130);
  CpuBackend one(nullptr, 1), two(nullptr, 2);
  EXPECT_EQ(encode(one, values, {301, 130}, DType::nf4_double).bytes,
            encode(two, values, {301, 130}, DType::nf4_double).bytes);
}

}  // namespace
}  // namespace peft::testing
