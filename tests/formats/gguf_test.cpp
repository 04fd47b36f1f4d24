#include "formats/gguf.h"

#include <bit>
#include <cmath>
#include <filesystem>

#include "base/half.h"
#include "files.h"
#include "formats/gguf_writer.h"
#include "formats/safetensors.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace peft {
namespace {

using test::read_bytes;
using test::TemporaryFolder;

TEST(Gguf, ReadsEveryValueTypeOfThePythonLibrary) {
  const auto file = GgufFile::open(test::own_data_path("all_values.gguf"));
  const GgufMetadata& metadata = file->metadata();
  EXPECT_EQ(file->version(), 3u);
  EXPECT_EQ(file->alignment(), 32);
  EXPECT_EQ(metadata.string("general.architecture"), "test");
  EXPECT_EQ(metadata.integer("u8", 0, 255), 200);
  EXPECT_EQ(metadata.integer("i8", -128, 127), -100);
  EXPECT_EQ(metadata.integer("u16", 0, 65535), 60000);
  EXPECT_EQ(metadata.integer("i16", INT16_MIN, 0), -30000);
  EXPECT_EQ(metadata.integer("u32", 0, UINT32_MAX), 4000000000);
  EXPECT_EQ(metadata.integer("i32", INT32_MIN, 0), -2000000000);
  EXPECT_EQ(metadata.integer("i64", INT64_MIN, 0), INT64_MIN);
  EXPECT_EQ(std::get<uint64_t>(metadata.find("u64")->data), UINT64_MAX);
  EXPECT_ERROR(Code::format, "18446744073709551615", metadata.integer("u64", 0, INT64_MAX));
  EXPECT_EQ(metadata.number("f32", 0, 2), 1.1f);
  EXPECT_EQ(metadata.number("f64", 0, 1e301), 1e300);
  EXPECT_EQ(metadata.number("u8", 0, 255), 200.0);
  EXPECT_TRUE(metadata.boolean_or("yes", false));
  EXPECT_FALSE(metadata.boolean_or("no", true));
  EXPECT_EQ(metadata.string("text"), "h\u00e9llo\n");
  EXPECT_EQ(metadata.strings("strings"), (std::vector<std::string>{"", "a", "\u4f60\u597d"}));
  EXPECT_EQ(metadata.floats("floats"), (std::vector<float>{0.5f, -1.25f}));
  EXPECT_EQ(metadata.integers("ints"), (std::vector<int64_t>{1, -2, 3}));
  EXPECT_EQ(metadata.integers("booleans"), (std::vector<int64_t>{1, 0}));
}

TEST(Gguf, AccessorsNameKeyExpectedAndFound) {
  const auto file = GgufFile::open(test::own_data_path("all_values.gguf"));
  const GgufMetadata& metadata = file->metadata();
  EXPECT_ERROR(Code::not_found, "no metadata 'absent'", metadata.integer("absent", 0, 1));
  EXPECT_EQ(metadata.integer_or("absent", 7, 0, 1), 7);
  EXPECT_EQ(metadata.number_or("absent", 0.5, 0, 1), 0.5);
  EXPECT_EQ(metadata.string_or("absent", "x"), "x");
  EXPECT_ERROR(Code::format, "from 0 to 100, found 200", metadata.integer_or("u8", 7, 0, 100));
  EXPECT_ERROR(Code::format, "expected an integer, found string", metadata.integer("text", 0, 1));
  EXPECT_ERROR(Code::format, "expected a number, found boolean", metadata.number("yes", 0, 1));
  EXPECT_ERROR(Code::format, "expected a string, found f32", metadata.string("f32"));
  EXPECT_ERROR(Code::format, "expected a boolean, found u8", metadata.boolean_or("u8", true));
  EXPECT_ERROR(Code::format, "array of strings, found one of i32", metadata.strings("ints"));
  EXPECT_ERROR(Code::format, "array of integers, found one of string", metadata.integers("strings"));
  EXPECT_ERROR(Code::format, "array of floats, found i8", metadata.floats("i8"));
  GgufMetadata own;
  own.set("nan", GgufValue::of_f32(NAN));
  EXPECT_ERROR(Code::format, "nan", own.number("nan", -1e30, 1e30));
  own.set("a", GgufValue::of_u32(1));
  own.erase("nan");
  EXPECT_FALSE(own.has("nan"));
  EXPECT_EQ(own.integer("a", 0, 1), 1);
}

TEST(Gguf, ShapesAreRowMajor) {
  const auto file = GgufFile::open(test::own_data_path("all_values.gguf"));
  EXPECT_EQ(file->at("matrix.f32").shape, (Shape{3, 64}));
  EXPECT_EQ(file->at("vector.f32").shape, (Shape{5}));
  EXPECT_EQ(file->at("cube.i32").shape, (Shape{2, 3, 4}));
  EXPECT_EQ(file->at("matrix.q8_0").dtype, DType::q8_0);
  EXPECT_EQ(file->at("matrix.q8_0").bytes, 3 * 2 * 34);
  EXPECT_EQ(file->at("matrix.bf16").stored_type, "BF16");
  const auto cube = test::read_tensor<int32_t>(*file, "cube.i32");
  for (int32_t i = 0; i < 24; ++i) EXPECT_EQ(cube[static_cast<size_t>(i)], i);
}

// Files made by gguf-py, written again, have the same bytes.
TEST(Gguf, WritesTheBytesOfThePythonLibrary) {
  const TemporaryFolder folder;
  std::vector<std::string> paths = {test::own_data_path("all_values.gguf")};
  for (const auto& item : std::filesystem::directory_iterator(test::data_path("gguf_models"))) {
    if (item.path().extension() == ".gguf") paths.push_back(item.path());
  }
  for (const std::string& path : paths) {
    const auto file = GgufFile::open(path);
    std::vector<OutputTensor> tensors;
    for (const TensorEntry& entry : file->entries()) {
      tensors.push_back(output_from_source(entry.name, *file, entry));
    }
    write_gguf(folder.file("copy"), file->metadata(), tensors);
    EXPECT_TRUE(read_bytes(path) == read_bytes(folder.file("copy"))) << path;
  }
  EXPECT_GE(paths.size(), 5u);
}

TEST(Gguf, KeepsAnotherAlignment) {
  const TemporaryFolder folder;
  GgufMetadata metadata;
  metadata.set("general.alignment", GgufValue::of_u32(256));
  const std::vector<float> values = {1, 2, 3};
  const auto bytes = std::as_bytes(std::span(values));
  write_gguf(folder.file("x"), metadata,
             {output_from_bytes("a", DType::f32, Shape{3}, bytes),
              output_from_bytes("b", DType::f32, Shape{3}, bytes)});
  const auto file = GgufFile::open(folder.file("x"));
  EXPECT_EQ(file->alignment(), 256);
  EXPECT_EQ(file->file_bytes() % 256, 0);
  EXPECT_EQ(test::read_tensor<float>(*file, "b"), values);
}

TEST(Gguf, RefusesToWriteWhatTheFormatCannotHold) {
  const TemporaryFolder folder;
  const std::vector<std::byte> zeros(8);
  const auto tensor = [&](const std::string& name) {
    return output_from_bytes(name, DType::f32, Shape{2}, zeros);
  };
  const GgufMetadata none;
  EXPECT_ERROR(Code::invalid_argument, "declared twice",
               write_gguf(folder.file("x"), none, {tensor("a"), tensor("a")}));
  EXPECT_ERROR(Code::invalid_argument, "cannot be written", write_gguf(folder.file("x"), none, {tensor("")}));
  EXPECT_ERROR(Code::unsupported, "nf4",
               write_gguf(folder.file("x"), none, {{"a", DType::nf4, Shape{64}, nullptr}}));
  EXPECT_ERROR(Code::format, "blocks",
               write_gguf(folder.file("x"), none, {{"a", DType::q8_0, Shape{33}, nullptr}}));
  EXPECT_TRUE(Folder::open(folder.path()).list().empty());
}

TEST(Gguf, Q80HasTheBytesOfTheReference) {
  const auto golden = SafetensorsFile::open(test::data_path("gguf_blocks/gguf_blocks.golden.safetensors"));
  const auto values = test::read_tensor<float>(*golden, "quantize.values");
  const auto expected = test::read_tensor(*golden, "quantize.Q8_0");
  std::vector<std::byte> found(expected.size());
  encode_q8_0(values, found);
  EXPECT_EQ(found, expected);
  const auto halves = test::read_tensor<uint16_t>(*golden, "quantize.F16");
  for (size_t i = 0; i < values.size(); ++i) EXPECT_EQ(float_to_half(values[i]), halves[i]) << values[i];
}

TEST(Gguf, Q80EdgeCases) {
  std::vector<std::byte> out(34);
  std::vector<float> values(32, 0.0f);
  values[3] = INFINITY;
  EXPECT_ERROR(Code::numeric, "non-finite", encode_q8_0(values, out));
  values[3] = 1e9f;
  EXPECT_ERROR(Code::numeric, "maximum 1000000000", encode_q8_0(values, out));
  values[3] = 1e-44f;  // its inverse scale is infinite
  encode_q8_0(values, out);
  EXPECT_EQ(out, std::vector<std::byte>(34));
  EXPECT_ERROR(Code::invalid_argument, "multiple of 32", encode_q8_0(std::span(values).first(31), out));
  EXPECT_ERROR(Code::invalid_argument, "34 bytes", encode_q8_0(values, std::span(out).first(33)));
}

// Every half goes to its float and back; between two neighbours the nearer one wins, the even one at the
// middle.
TEST(Gguf, HalvesRoundToNearestEven) {
  const auto value_of = [](uint32_t half) {
    const int exponent = static_cast<int>(half >> 10 & 31);
    const double mantissa = half & 1023;
    return exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25);
  };
  for (uint32_t half = 0; half < 0x7c00; ++half) {
    const double low = value_of(half), high = value_of(half + 1);  // beyond the largest: 65536
    EXPECT_EQ(float_to_half(static_cast<float>(low)), half);
    EXPECT_EQ(float_to_half(static_cast<float>(-low)), half | 0x8000);
    const auto middle = static_cast<float>((low + high) / 2);
    EXPECT_EQ(float_to_half(middle), half % 2 == 0 ? half : half + 1) << half;
    EXPECT_EQ(float_to_half(std::nextafter(middle, 0.0f)), half) << half;
    EXPECT_EQ(float_to_half(std::nextafter(middle, INFINITY)), half + 1) << half;
  }
  EXPECT_EQ(float_to_half(INFINITY), 0x7c00);
  EXPECT_EQ(float_to_half(-INFINITY), 0xfc00);
  EXPECT_EQ(float_to_half(NAN) & 0x7c00, 0x7c00);
  EXPECT_NE(float_to_half(NAN) & 0x3ff, 0);
}

}  // namespace
}  // namespace peft
