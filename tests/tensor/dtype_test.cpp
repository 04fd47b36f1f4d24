#include "tensor/dtype.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>

#include "base/error.h"
#include "tensor/nf4.h"
#include "tensor/view.h"

namespace peft {
namespace {

TEST(DType, BlockSizesFollowTheGgufSpecification) {
  // bytes of 256 elements, from the bits per weight that the format documents
  const std::pair<DType, double> rows[] = {
      {DType::q4_0, 4.5},  {DType::q4_1, 5.0},    {DType::q5_0, 5.5},    {DType::q5_1, 6.0},
      {DType::q8_0, 8.5},  {DType::q2_k, 2.625},  {DType::q3_k, 3.4375}, {DType::q4_k, 4.5},
      {DType::q5_k, 5.5},  {DType::q6_k, 6.5625}, {DType::f32, 32.0},    {DType::f16, 16.0},
      {DType::bf16, 16.0}, {DType::i32, 32.0},    {DType::i64, 64.0},    {DType::u8, 8.0}};
  for (const auto& [dtype, bits] : rows) {
    EXPECT_EQ(row_bytes(dtype, 256), static_cast<int64_t>(bits * 256 / 8)) << name_of(dtype);
    EXPECT_EQ(storage_bytes(dtype, Shape{3, 2, 256}), 6 * row_bytes(dtype, 256)) << name_of(dtype);
  }
}

TEST(DType, NamesAreUnique) {
  std::vector<std::string_view> names;
  for (int i = 0; i < dtype_count; ++i) {
    for (const auto& other : names) EXPECT_NE(name_of(static_cast<DType>(i)), other);
    names.push_back(name_of(static_cast<DType>(i)));
  }
}

TEST(DType, RowsMustBeWholeBlocks) {
  try {
    storage_bytes(DType::q4_1, Shape{2, 40});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::format);
    EXPECT_THAT(error.what(),
                testing::HasSubstr("q4_1: a row of 40 elements is not a whole number of blocks of 32"));
  }
  EXPECT_THROW(storage_bytes(DType::q6_k, Shape{1, 128}), Error);
}

TEST(DType, SizesThatOverflowAreErrors) {
  const int64_t large = int64_t{1} << 40;
  EXPECT_THROW(storage_bytes(DType::f32, Shape{large, large}), Error);
  EXPECT_THROW(storage_bytes(DType::f32, Shape{1, int64_t{1} << 62}), Error);
  EXPECT_THROW(storage_bytes(DType::nf4, Shape{large, large}), Error);
  EXPECT_THROW(storage_bytes(DType::nf4_double, Shape{int64_t{1} << 60}), Error);
}

TEST(Nf4, DynamicMapHasTheBitsOfBitsandbytes) {
  // FNV-1a over the bytes of bitsandbytes.functional.create_dynamic_map() (torch on x86-64 with FMA)
  uint64_t hash = 0xcbf29ce484222325ull;
  for (const float value : dynamic_map()) {
    const auto bits = std::bit_cast<uint32_t>(value);
    for (int i = 0; i < 4; ++i) hash = (hash ^ (bits >> (8 * i) & 255)) * 0x100000001b3ull;
  }
  EXPECT_EQ(hash, 0xd677f22a96665bc4ull);
  EXPECT_EQ(dynamic_map()[0], -0.99296874f);
  EXPECT_EQ(dynamic_map()[127], 0.0f);
  EXPECT_EQ(dynamic_map()[255], 1.0f);
}

TEST(Nf4, LayoutHasAlignedParts) {
  const Nf4Layout single = Nf4Layout::of(DType::nf4, 1000);
  EXPECT_EQ(single.blocks, 16);
  EXPECT_EQ(single.codes_bytes, 500);
  EXPECT_EQ(single.maxima_offset, 512);
  EXPECT_EQ(single.total_bytes, 512 + 16 * 4);

  const Nf4Layout nested = Nf4Layout::of(DType::nf4_double, 64 * 257 + 1);
  EXPECT_EQ(nested.blocks, 258);
  EXPECT_EQ(nested.nested_blocks, 2);
  EXPECT_EQ(nested.codes_bytes, 32 * 257 + 1);
  EXPECT_EQ(nested.maxima_offset % 64, 0);
  EXPECT_EQ(nested.nested_offset % 64, 0);
  EXPECT_GE(nested.nested_offset, nested.maxima_offset + 258);
  EXPECT_EQ(nested.offset_offset % 64, 0);
  EXPECT_EQ(nested.total_bytes, nested.offset_offset + 4);
  EXPECT_EQ(storage_bytes(DType::nf4_double, Shape{257 * 64 + 1}), nested.total_bytes);
}

TEST(View, RowAndColumnRanges) {
  std::vector<float> values(24);
  View view;
  view.data = reinterpret_cast<std::byte*>(values.data());
  view.shape = Shape{2, 3, 4};
  view.row_stride = 4;
  EXPECT_EQ(view.rows(), 6);
  const View rows = view.row_range(2, 3);
  EXPECT_EQ(rows.row<float>(), values.data() + 8);
  EXPECT_EQ(rows.shape, (Shape{3, 4}));
  const ConstView columns = rows.column_range(1, 2);
  EXPECT_EQ(columns.row<float>(1), values.data() + 13);
  EXPECT_FALSE(columns.dense());
  EXPECT_TRUE(columns.row_range(0, 1).dense());
}

}  // namespace
}  // namespace peft
