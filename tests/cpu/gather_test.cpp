#include "cpu/stored.h"
#include "cpu/support.h"

namespace peft::testing {
namespace {

TEST(Gather, DecodesTheChosenRowsOfEveryType) {
  CpuBackend backend(nullptr, 2);
  for (DType dtype : decodable_types) {
    SCOPED_TRACE(name_of(dtype));
    const int64_t columns = is_nf4(dtype) ? 70 : 256;
    const Stored table(dtype, 19, columns, 9, 4);
    Ints32 index(6, 1);
    const int32_t rows[6] = {3, 18, 0, 3, 7, 18};
    for (int64_t i = 0; i < 6; ++i) index.at(i, 0) = rows[i];
    Floats32 y(6, columns, 5);
    backend.gather_rows(table.view(), index.view(), y.view());
    for (int64_t r = 0; r < 6; ++r) {
      for (int64_t c = 0; c < columns; ++c) ASSERT_EQ(y.at(r, c), table.at(rows[r], c));
    }
    EXPECT_TRUE(y.guards_intact());
  }
}

TEST(Gather, DequantizesToBothTypes) {
  CpuBackend backend(nullptr, 2);
  for (DType dtype : decodable_types) {
    SCOPED_TRACE(name_of(dtype));
    const int64_t columns = is_nf4(dtype) ? 70 : 256;
    const Stored x(dtype, 23, columns, 10, 4);
    Floats32 y(23, columns, 2);
    std::vector<uint16_t> brain(static_cast<size_t>(23 * columns));
    View half = y.view();
    half.data = reinterpret_cast<std::byte*>(brain.data());
    half.row_stride = columns;
    half.dtype = DType::bf16;
    backend.dequantize(x.view(), y.view());
    backend.dequantize(x.view(), half);
    for (int64_t r = 0; r < 23; ++r) {
      for (int64_t c = 0; c < columns; ++c) {
        ASSERT_EQ(y.at(r, c), x.at(r, c));
        ASSERT_EQ(brain[static_cast<size_t>(r * columns + c)], float_to_bfloat16(y.at(r, c)));
      }
    }
  }
}

TEST(ScatterAdd, AddsInTheOrderOfTheRows) {
  expect_independent_of_threads([](CpuBackend& backend) {
    Floats32 x(200, 150, 1), y(7, 150, 2);
    x.randomize(1);
    y.randomize(2);
    Ints32 index(200, 1);
    for (int64_t i = 0; i < 200; ++i) index.at(i, 0) = static_cast<int32_t>(i * i % 7);
    Floats32 expected = y;
    for (int64_t i = 0; i < 200; ++i) {
      for (int64_t c = 0; c < 150; ++c) expected.at(i * i % 7, c) += 0.5f * x.at(i, c);
    }
    backend.scatter_add_rows(0.5f, x.view(), index.view(), y.view());
    EXPECT_TRUE(y.same_bits(expected));
    return y;
  });
}

}  // namespace
}  // namespace peft::testing
