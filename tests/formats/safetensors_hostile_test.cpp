// Malformed safetensors files: each must be refused with the status and a message that names what is wrong.
#include <filesystem>

#include "files.h"
#include "formats/safetensors.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace peft {
namespace {

using test::raw;
using test::safetensors_bytes;

struct Case {
  const char* name;
  Code code;
  const char* message;
  std::string bytes;
};

std::string one(const std::string& header, size_t data_bytes) {
  return safetensors_bytes(header, std::string(data_bytes, 'x'));
}

// A header with one tensor 'a' whose description is `fields`.
std::string described(const std::string& fields, size_t data_bytes) {
  return one("{\"a\":{" + fields + "}}", data_bytes);
}

std::vector<Case> cases() {
  const std::string good = R"("dtype":"F32","shape":[2],"data_offsets":[0,8])";
  const auto two = [](const std::string& first, const std::string& second, size_t data) {
    return one(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":)" + first +
                   R"(},"b":{"dtype":"U8","shape":[4],"data_offsets":)" + second + "}}",
               data);
  };
  return {
      // The file and the length of its header.
      {"empty_file", Code::format, "at least 8 bytes", ""},
      {"seven_bytes", Code::format, "at least 8 bytes", std::string(7, '\0')},
      {"only_length", Code::format, "does not fit", raw<uint64_t>(2)},
      {"header_longer_than_file", Code::format, "does not fit", raw<uint64_t>(100) + "{}"},
      {"header_length_max", Code::format, "does not fit", raw<uint64_t>(UINT64_MAX) + "{}"},
      {"header_length_sign_bit", Code::format, "does not fit", raw<uint64_t>(uint64_t{1} << 63) + "{}"},
      {"header_length_wraps_with_8", Code::format, "does not fit", raw<uint64_t>(UINT64_MAX - 7) + "{}"},
      {"header_length_zero", Code::format, "begin", raw<uint64_t>(0)},
      {"header_length_in_text", Code::format, "does not fit", "{\"a\": 1} is not binary"},
      // JSON.
      {"not_json", Code::format, "begin", one("hello   ", 0)},
      {"leading_space", Code::format, "begin", one(" {}", 0)},
      {"array_at_top", Code::format, "begin", one("[]", 0)},
      {"cut_json", Code::format, "JSON", one(R"({"a":{"dtype":"F32")", 0)},
      {"trailing_text", Code::format, "JSON", one("{} x", 0)},
      {"second_object", Code::format, "JSON", one("{}{}", 0)},
      {"nul_after_json", Code::format, "NUL", one(std::string("{}\0garbage", 10), 0)},
      {"nul_in_name", Code::format, "NUL", one(std::string("{\"a\0b\":{}}", 10), 0)},
      {"escaped_nul_in_name", Code::format, "a\\x00b", one("{\"a\\u0000b\":{" + good + "}}", 8)},
      {"bad_utf8", Code::format, "JSON", one("{\"\xff\xfe\":{" + good + "}}", 8)},
      {"lone_surrogate", Code::format, "JSON", one(R"({"\ud800":{)" + good + "}}", 8)},
      {"comment", Code::format, "JSON", one("{/* */}", 0)},
      {"deep_nesting", Code::format, "unexpected", one("{\"a\":" + std::string(100000, '['), 0)},
      {"deep_objects", Code::format, "unexpected", one("{\"a\":{\"dtype\":{\"x\":{\"y\":{}}}}}", 0)},
      {"infinite_number", Code::format, "JSON",
       described(R"("dtype":"F32","shape":[1e400],"data_offsets":[0,8])", 8)},
      // Keys.
      {"duplicate_tensor", Code::format, "occurs twice",
       one("{\"a\":{" + good + "},\"a\":{" + good + "}}", 8)},
      {"duplicate_field", Code::format, "occurs twice", described(good + R"(,"dtype":"F32")", 8)},
      {"duplicate_metadata", Code::format, "occurs twice", one(R"({"__metadata__":{"x":"1","x":"2"}})", 0)},
      {"duplicate_metadata_object", Code::format, "occurs twice",
       one(R"({"__metadata__":{},"__metadata__":{}})", 0)},
      {"unknown_field", Code::format, "unknown key", described(good + R"(,"strides":[1])", 8)},
      {"missing_dtype", Code::format, "found 2", described(R"("shape":[2],"data_offsets":[0,8])", 8)},
      {"missing_shape", Code::format, "found 2", described(R"("dtype":"F32","data_offsets":[0,8])", 8)},
      {"missing_offsets", Code::format, "found 2", described(R"("dtype":"F32","shape":[2])", 8)},
      {"empty_description", Code::format, "found 0", described("", 0)},
      {"empty_name", Code::format, "tensor name", one("{\"\":{" + good + "}}", 8)},
      {"long_name", Code::format, "tensor name",
       one("{\"" + std::string(2000, 'n') + "\":{" + good + "}}", 8)},
      {"metadata_not_object", Code::format, "unexpected", one(R"({"__metadata__":"x"})", 0)},
      {"metadata_number", Code::format, "unexpected", one(R"({"__metadata__":{"x":1}})", 0)},
      {"metadata_nested", Code::format, "unexpected", one(R"({"__metadata__":{"x":{}}})", 0)},
      {"tensor_is_number", Code::format, "unexpected", one(R"({"a":7})", 0)},
      {"tensor_is_null", Code::format, "unexpected", one(R"({"a":null})", 0)},
      // Types and shapes.
      {"unknown_dtype", Code::format, "unknown dtype 'Q4'",
       described(R"("dtype":"Q4","shape":[2],"data_offsets":[0,8])", 8)},
      {"lower_case_dtype", Code::format, "unknown dtype",
       described(R"("dtype":"f32","shape":[2],"data_offsets":[0,8])", 8)},
      {"dtype_is_number", Code::format, "unexpected",
       described(R"("dtype":1,"shape":[2],"data_offsets":[0,8])", 8)},
      {"shape_is_string", Code::format, "unexpected",
       described(R"("dtype":"F32","shape":"2","data_offsets":[0,8])", 8)},
      {"shape_holds_string", Code::format, "unexpected",
       described(R"("dtype":"F32","shape":["2"],"data_offsets":[0,8])", 8)},
      {"shape_nested", Code::format, "unexpected",
       described(R"("dtype":"F32","shape":[[2]],"data_offsets":[0,8])", 8)},
      {"negative_size", Code::format, "negative",
       described(R"("dtype":"F32","shape":[-2],"data_offsets":[0,8])", 8)},
      {"fractional_size", Code::format, "unexpected",
       described(R"("dtype":"F32","shape":[2.0],"data_offsets":[0,8])", 8)},
      {"size_beyond_int64", Code::format, "out of range",
       described(R"("dtype":"F32","shape":[18446744073709551615],"data_offsets":[0,8])", 8)},
      {"size_beyond_uint64", Code::format, "unexpected",
       described(R"("dtype":"F32","shape":[18446744073709551616],"data_offsets":[0,8])", 8)},
      {"product_wraps_to_zero", Code::format, "overflows",
       described(R"("dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0])", 0)},
      {"product_wraps_to_two", Code::format, "overflows",
       described(R"("dtype":"F32","shape":[9223372036854775807,2,3,1],"data_offsets":[0,8])", 8)},
      {"bits_overflow", Code::format, "overflows",
       described(R"("dtype":"F32","shape":[2305843009213693952],"data_offsets":[0,8])", 8)},
      {"five_dimensions", Code::unsupported, "5 dimensions",
       described(R"("dtype":"F32","shape":[1,1,1,1,2],"data_offsets":[0,8])", 8)},
      {"many_dimensions", Code::format, "unexpected",
       described(R"("dtype":"F32","shape":[)" + std::string(199, ' ') +
                     [] {
                       std::string ones = "1";
                       for (int i = 0; i < 100; ++i) ones += ",1";
                       return ones;
                     }() +
                     R"(],"data_offsets":[0,4])",
                 4)},
      {"odd_sub_byte", Code::format, "whole bytes",
       described(R"("dtype":"F4","shape":[3],"data_offsets":[0,2])", 2)},
      // Offsets.
      {"one_offset", Code::format, "two data offsets",
       described(R"("dtype":"F32","shape":[2],"data_offsets":[0])", 8)},
      {"three_offsets", Code::format, "two data offsets",
       described(R"("dtype":"F32","shape":[2],"data_offsets":[0,8,8])", 8)},
      {"backwards", Code::format, "backwards",
       described(R"("dtype":"F32","shape":[2],"data_offsets":[8,0])", 8)},
      {"offset_negative", Code::format, "negative",
       described(R"("dtype":"F32","shape":[2],"data_offsets":[-8,0])", 8)},
      {"offset_beyond_int64", Code::format, "out of range",
       described(R"("dtype":"F32","shape":[2],"data_offsets":[0,18446744073709551608])", 8)},
      {"beyond_file", Code::format, "ends at byte 8", described(good, 7)},
      {"far_beyond_file", Code::format, "the file holds 8",
       described(R"("dtype":"U8","shape":[9223372036854775807],"data_offsets":[0,9223372036854775807])", 8)},
      {"size_mismatch", Code::format, "needs 12 bytes",
       described(R"("dtype":"F32","shape":[3],"data_offsets":[0,8])", 8)},
      {"zero_bytes_claimed", Code::format, "needs 8 bytes",
       described(R"("dtype":"F32","shape":[2],"data_offsets":[0,0])", 0)},
      {"hole_at_start", Code::format, "hole",
       described(R"("dtype":"U8","shape":[4],"data_offsets":[4,8])", 8)},
      {"hole_between", Code::format, "hole", two("[0,4]", "[5,9]", 9)},
      {"overlap", Code::format, "overlap", two("[0,4]", "[3,7]", 7)},
      {"same_place", Code::format, "overlap", two("[0,4]", "[0,4]", 4)},
      {"left_over_data", Code::format, "cover 8 bytes", described(good, 9)},
      {"data_without_tensor", Code::format, "cover 0 bytes", one("{}", 1)},
  };
}

TEST(SafetensorsHostile, EveryCaseIsRefused) {
  const test::TemporaryFolder folder;
  const std::string path = folder.file("hostile.safetensors");
  for (const Case& item : cases()) {
    SCOPED_TRACE(item.name);
    test::write_bytes(path, item.bytes);
    EXPECT_ERROR(item.code, item.message, SafetensorsFile::open(path));
  }
  EXPECT_GE(cases().size(), 60u);
}

TEST(SafetensorsHostile, HeaderLimit) {
  const test::TemporaryFolder folder;
  Limits limits;
  limits.safetensors_header = 64;
  test::write_bytes(folder.file("x"), one("{" + std::string(100, ' ') + "}", 0));
  EXPECT_ERROR(Code::limit, "exceeds the limit of 64", SafetensorsFile::open(folder.file("x"), limits));
  std::string entries = "\"0\":\"\"";
  for (int i = 1; i < 70000; ++i) entries += ",\"" + std::to_string(i) + "\":\"\"";
  test::write_bytes(folder.file("x"), one("{\"__metadata__\":{" + entries + "}}", 0));
  EXPECT_ERROR(Code::limit, "metadata entries", SafetensorsFile::open(folder.file("x")));
  // A header that claims gigabytes in a sparse file of that size is refused before any memory is taken.
  test::write_bytes(folder.file("sparse"), raw<uint64_t>(uint64_t{3} << 30) + "{");
  std::filesystem::resize_file(folder.file("sparse"), uint64_t{4} << 30);
  EXPECT_ERROR(Code::limit, "exceeds the limit", SafetensorsFile::open(folder.file("sparse")));
}

TEST(SafetensorsHostile, EveryTruncationOfARealFileIsRefused) {
  const test::TemporaryFolder folder;
  const std::string whole = test::read_bytes(test::own_data_path("all_types.safetensors"));
  test::write_bytes(folder.file("cut"), whole);
  for (size_t size = whole.size(); size-- > 0;) {
    std::filesystem::resize_file(folder.file("cut"), size);
    EXPECT_ERROR(Code::format, "cut", SafetensorsFile::open(folder.file("cut")));
  }
}

// Any flipped bit of the header gives an error or a file whose every readable tensor can be read.
TEST(SafetensorsHostile, EveryFlippedBitOfTheHeader) {
  const test::TemporaryFolder folder;
  const std::string bytes =
      test::read_bytes(test::data_path("adapters/llama_prompt/adapter_model.safetensors"));
  const size_t head = 8 + static_cast<size_t>(static_cast<unsigned char>(bytes[0]));
  test::write_bytes(folder.file("flip"), bytes);
  for (size_t bit = 0; bit < head * 8; ++bit) {
    test::patch_byte(folder.file("flip"), bit / 8, static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8))));
    try {
      const auto file = SafetensorsFile::open(folder.file("flip"));
      for (const TensorEntry& entry : file->entries()) {
        if (entry.readable) test::read_tensor(*file, entry.name);
      }
    } catch (const Error& error) {
      EXPECT_TRUE(error.code() == Code::format || error.code() == Code::unsupported) << error.what();
    }
    test::patch_byte(folder.file("flip"), bit / 8, bytes[bit / 8]);
  }
}

TEST(SafetensorsHostile, OnlyRegularFiles) {
  const test::TemporaryFolder folder;
  EXPECT_ERROR(Code::io, "regular", SafetensorsFile::open("/dev/zero"));
  EXPECT_ERROR(Code::io, "regular", SafetensorsFile::open(folder.path()));
  EXPECT_ERROR(Code::not_found, "nothing", SafetensorsFile::open(folder.file("nothing")));
}

}  // namespace
}  // namespace peft
