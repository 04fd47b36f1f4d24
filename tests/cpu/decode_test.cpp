#include "cpu/decode.h"

#include "cpu/golden.h"
#include "cpu/stored.h"
#include "cpu/support.h"

namespace peft::testing {
namespace {

struct GgufType {
  const char* name;
  DType dtype;
};
constexpr GgufType gguf_types[] = {{"F16", DType::f16},   {"BF16", DType::bf16}, {"Q4_0", DType::q4_0},
                                   {"Q4_1", DType::q4_1}, {"Q5_0", DType::q5_0}, {"Q5_1", DType::q5_1},
                                   {"Q8_0", DType::q8_0}, {"Q2_K", DType::q2_k}, {"Q3_K", DType::q3_k},
                                   {"Q4_K", DType::q4_k}, {"Q5_K", DType::q5_k}, {"Q6_K", DType::q6_k}};

TEST(Decode, EqualsTheGgufPackageBitForBit) {
  const GoldenFile golden("gguf_blocks/gguf_blocks.golden.safetensors");
  for (const GgufType& type : gguf_types) {
    SCOPED_TRACE(type.name);
    const std::string name = type.name;
    const auto blocks = golden.values<uint8_t>(name + ".blocks");
    const auto expected = golden.values<float>(name + ".values");
    ConstView view;
    view.data = reinterpret_cast<const std::byte*>(blocks.data());
    view.dtype = type.dtype;
    view.shape = Shape{1, static_cast<int64_t>(expected.size())};
    view.row_stride = view.columns();
    on_every_instruction_set([&] {
      std::vector<float> found(expected.size());
      RowDecoder(view).decode(0, 0, view.columns(), found.data());
      for (size_t i = 0; i < expected.size(); ++i) {
        if (std::isnan(expected[i])) {
          ASSERT_TRUE(std::isnan(found[i])) << i;
        } else {
          ASSERT_EQ(found[i], expected[i]) << i;
        }
      }
    });
  }
}

TEST(Decode, AnyStretchOfARowGivesTheSameBits) {
  for (DType dtype : decodable_types) {
    SCOPED_TRACE(name_of(dtype));
    const int64_t columns = is_nf4(dtype) ? 331 : 768;
    const Stored stored(dtype, 5, columns, 3, 5);
    on_every_instruction_set([&] {
      const RowDecoder decoder(stored.view());
      for (int64_t row : {0, 1, 4}) {
        for (int64_t begin : {0, 1, 2, 31, 32, 63, 64, 65, 100, 255, 256, 300}) {
          for (int64_t count : {0, 1, 2, 15, 31, 33, 64, 96, 257, 400}) {
            if (begin + count > columns) continue;
            std::vector<float> found(static_cast<size_t>(count) + 1, -7.0f);
            decoder.decode(row, begin, count, found.data());
            for (int64_t i = 0; i < count; ++i) {
              ASSERT_EQ(found[static_cast<size_t>(i)], stored.at(row, begin + i))
                  << row << " " << begin << " " << count << " " << i;
            }
            ASSERT_EQ(found.back(), -7.0f);
            std::vector<uint16_t> rounded(static_cast<size_t>(count) + 1, 0x1234);
            decoder.decode_bfloat16(row, begin, count, rounded.data());
            for (int64_t i = 0; i < count; ++i) {
              ASSERT_EQ(rounded[static_cast<size_t>(i)], float_to_bfloat16(found[static_cast<size_t>(i)]));
            }
            ASSERT_EQ(rounded.back(), 0x1234);
          }
        }
      }
    });
  }
}

TEST(Decode, SlicesOfNf4RowsKeepTheirBlocks) {
  const Stored stored(DType::nf4_double, 40, 50, 11);
  const ConstView part = stored.view().row_range(13, 20);
  std::vector<float> row(50);
  RowDecoder(part).decode(3, 0, 50, row.data());
  for (int64_t c = 0; c < 50; ++c) EXPECT_EQ(row[static_cast<size_t>(c)], stored.at(16, c));
}

TEST(Decode, IntegersAreRefused) {
  const int32_t numbers[4] = {};
  ConstView view;
  view.data = reinterpret_cast<const std::byte*>(numbers);
  view.dtype = DType::i32;
  view.shape = Shape{1, 4};
  view.row_stride = 4;
  float out[4];
  EXPECT_THROW(RowDecoder(view).decode(0, 0, 4, out), Error);
}

}  // namespace
}  // namespace peft::testing
