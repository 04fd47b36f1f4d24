// Malformed GGUF files: each must be refused with the status and a message that names what is wrong.
#include <filesystem>

#include "files.h"
#include "formats/gguf.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace peft {
namespace {

using test::gguf_pair;
using test::gguf_string;
using test::gguf_tensor;
using test::GgufBytes;
using test::raw;

// Numbers of the format.
constexpr uint32_t u8 = 0, u32 = 4, f32 = 6, boolean = 7, string = 8, array = 9, u64 = 10;
constexpr uint32_t ggml_f32 = 0, ggml_q8_0 = 8, ggml_q4_k = 12;

struct Case {
  const char* name;
  Code code;
  const char* message;
  std::string bytes;
};

std::string with_pair(const std::string& pair, size_t padding = 0) {
  GgufBytes file;
  file.pairs = {pair};
  file.data = std::string(padding, 'x');
  return file.text();
}
std::string with_tensors(const std::vector<std::string>& tensors, size_t data_bytes,
                         const std::vector<std::string>& pairs = {}, size_t alignment = 32) {
  GgufBytes file;
  file.tensors = tensors;
  file.pairs = pairs;
  file.data = std::string(data_bytes, 'x');
  return file.text(alignment);
}
std::string with_version(uint32_t version) {
  GgufBytes file;
  file.version = version;
  return file.text();
}
std::string with_counts(uint64_t tensors, uint64_t pairs) {
  GgufBytes file;
  file.more_tensors = tensors;
  file.more_pairs = pairs;
  file.data = std::string(64, '\0');
  return file.text();
}
std::string array_of(uint32_t type, uint64_t count, const std::string& elements) {
  return raw(type) + raw(count) + elements;
}
std::string alignment_pair(uint32_t value) { return gguf_pair("general.alignment", u32, raw(value)); }

std::vector<Case> head_cases() {
  GgufBytes wrong_magic;
  wrong_magic.magic = "GGML";
  return {
      {"empty_file", Code::format, "first bytes", ""},
      {"three_bytes", Code::format, "first bytes", "GGU"},
      {"wrong_magic", Code::format, "first bytes", wrong_magic.text()},
      {"only_magic", Code::format, "truncated", "GGUF"},
      {"cut_in_counts", Code::format, "truncated", "GGUF" + raw<uint32_t>(3) + raw<uint64_t>(0)},
      {"version_0", Code::unsupported, "found 0", with_version(0)},
      {"version_1", Code::unsupported, "found 1", with_version(1)},
      {"version_4", Code::unsupported, "found 4", with_version(4)},
      {"big_endian", Code::unsupported, "big-endian", with_version(0x03000000)},
      {"tensor_count_max", Code::format, "do not fit", with_counts(UINT64_MAX, 0)},
      {"tensor_count_beyond_file", Code::format, "do not fit", with_counts(5, 0)},
      {"pair_count_max", Code::format, "do not fit", with_counts(0, UINT64_MAX)},
      {"pair_count_2_63", Code::format, "do not fit", with_counts(0, uint64_t{1} << 63)},
      {"pair_count_beyond_file", Code::format, "do not fit", with_counts(0, 8)},
  };
}

std::vector<Case> pair_cases() {
  return {
      {"key_length_max", Code::format, "past the end", with_pair(raw<uint64_t>(UINT64_MAX), 64)},
      {"key_length_sign_bit", Code::format, "past the end", with_pair(raw<uint64_t>(uint64_t{1} << 63), 64)},
      {"key_too_long", Code::limit, "exceeds the limit",
       with_pair(gguf_pair(std::string(2000, 'k'), u8, raw<uint8_t>(1)))},
      {"key_empty", Code::format, "not a name", with_pair(gguf_pair("", u8, raw<uint8_t>(1)))},
      {"key_with_nul", Code::format, "a\\x00b",
       with_pair(gguf_pair(std::string_view("a\0b", 3), u8, raw<uint8_t>(1)))},
      {"key_bad_utf8", Code::format, "not a name", with_pair(gguf_pair("a\xc0\x80", u8, raw<uint8_t>(1)))},
      {"key_twice", Code::format, "occurs twice",
       with_pair(gguf_pair("a", u8, raw<uint8_t>(1)) + gguf_pair("b", u8, raw<uint8_t>(1)))
           .replace(16, 8, raw<uint64_t>(2))
           .replace(24 + 14 + 8, 1, "a")},
      {"type_13", Code::format, "unknown type 13", with_pair(gguf_pair("a", 13, raw<uint64_t>(0)))},
      {"type_max", Code::format, "unknown type", with_pair(gguf_pair("a", UINT32_MAX, raw<uint64_t>(0)))},
      {"value_cut", Code::format, "do not fit", with_pair("").replace(16, 8, raw<uint64_t>(1))},
      {"string_length_max", Code::format, "past the end",
       with_pair(gguf_pair("a", string, raw<uint64_t>(UINT64_MAX)), 64)},
      {"string_beyond_file", Code::format, "past the end",
       with_pair(gguf_pair("a", string, raw<uint64_t>(4096)), 64)},
      {"boolean_2", Code::format, "0 or 1, found 2", with_pair(gguf_pair("a", boolean, raw<uint8_t>(2)))},
      {"array_count_max", Code::format, "past the end",
       with_pair(gguf_pair("a", array, array_of(u8, UINT64_MAX, "")), 64)},
      {"array_count_times_size_wraps", Code::format, "past the end",
       with_pair(gguf_pair("a", array, array_of(u64, (uint64_t{1} << 61) + 1, "")), 64)},
      {"array_beyond_file", Code::format, "past the end",
       with_pair(gguf_pair("a", array, array_of(u32, 100, "")), 64)},
      {"string_array_count", Code::format, "past the end",
       with_pair(gguf_pair("a", array, array_of(string, uint64_t{1} << 60, "")), 64)},
      {"string_array_cut", Code::format, "past the end",
       with_pair(gguf_pair("a", array, array_of(string, 2, gguf_string("x") + raw<uint64_t>(1000))), 64)},
      {"array_type_13", Code::format, "unknown element type",
       with_pair(gguf_pair("a", array, array_of(13, 1, "xxxxxxxx")))},
      {"array_of_arrays", Code::unsupported, "arrays of arrays",
       with_pair(gguf_pair("a", array, array_of(array, 1, array_of(u8, 1, "x"))))},
      {"array_boolean_2", Code::format, "neither 0 nor 1",
       with_pair(gguf_pair("a", array, array_of(boolean, 2, "\1\2")))},
      {"alignment_zero", Code::format, "from 1", with_pair(alignment_pair(0))},
      {"alignment_not_power", Code::format, "power of two, found 48", with_pair(alignment_pair(48))},
      {"alignment_huge", Code::format, "general.alignment", with_pair(alignment_pair(0x80000000))},
      {"alignment_type", Code::format, "expected u32, found u64",
       with_pair(gguf_pair("general.alignment", u64, raw<uint64_t>(32)))},
      {"alignment_float", Code::format, "expected u32, found f32",
       with_pair(gguf_pair("general.alignment", f32, raw<float>(32)))},
      {"split_model", Code::unsupported, "split", with_pair(gguf_pair("split.count", u32, raw<uint32_t>(3)))},
  };
}

std::vector<Case> tensor_cases() {
  return {
      {"name_length_max", Code::format, "past the end", with_tensors({raw<uint64_t>(UINT64_MAX)}, 64)},
      {"name_too_long", Code::limit, "exceeds the limit",
       with_tensors({gguf_tensor(std::string(2000, 'n'), {8}, 0, 0)}, 32)},
      {"name_empty", Code::format, "tensor name", with_tensors({gguf_tensor("", {8}, 0, 0)}, 32)},
      {"name_with_newline", Code::format, "a\\x0ab", with_tensors({gguf_tensor("a\nb", {8}, 0, 0)}, 32)},
      {"name_twice", Code::format, "occurs twice",
       with_tensors({gguf_tensor("a", {8}, 0, 0), gguf_tensor("a", {8}, 0, 32)}, 64)},
      {"five_dimensions", Code::format, "at most 4 dimensions, found 5",
       with_tensors({gguf_tensor("a", {1, 1, 1, 1, 8}, 0, 0)}, 32)},
      {"dimension_count_max", Code::format, "found 4294967295",
       with_tensors({gguf_string("a") + raw<uint32_t>(UINT32_MAX) + std::string(64, '\1')}, 32)},
      {"size_zero", Code::format, "has size 0", with_tensors({gguf_tensor("a", {0}, 0, 0)}, 32)},
      {"size_max", Code::format, "has size 18446744073709551615",
       with_tensors({gguf_tensor("a", {UINT64_MAX}, 0, 0)}, 32)},
      {"size_sign_bit", Code::format, "has size",
       with_tensors({gguf_tensor("a", {uint64_t{1} << 63, 2}, 0, 0)}, 32)},
      {"product_wraps_to_zero", Code::format, "overflows",
       with_tensors({gguf_tensor("a", {uint64_t{1} << 32, uint64_t{1} << 32}, 0, 0)}, 32)},
      {"product_wraps_to_small", Code::format, "overflows",
       with_tensors({gguf_tensor("a", {0x4000000000000001, 4, 1, 1}, 0, 0)}, 32)},
      {"bytes_wrap", Code::format, "overflows",
       with_tensors({gguf_tensor("a", {uint64_t{1} << 62}, ggml_f32, 0)}, 32)},
      {"quantized_bytes_wrap", Code::format, "overflows",
       with_tensors({gguf_tensor("a", {uint64_t{1} << 62, 2}, ggml_q8_0, 0)}, 32)},
      {"half_a_block", Code::format, "whole number of blocks",
       with_tensors({gguf_tensor("a", {16}, ggml_q8_0, 0)}, 32)},
      {"half_a_super_block", Code::format, "whole number of blocks",
       with_tensors({gguf_tensor("a", {128, 2}, ggml_q4_k, 0)}, 144)},
      {"type_unknown", Code::unsupported, "type 77", with_tensors({gguf_tensor("a", {8}, 77, 0)}, 32)},
      {"type_max", Code::unsupported, "type 4294967295",
       with_tensors({gguf_tensor("a", {8}, UINT32_MAX, 0)}, 32)},
      {"type_iq4_nl", Code::unsupported, "tensor 'a': element type IQ4_NL",
       with_tensors({gguf_tensor("a", {32}, 20, 0)}, 32)},
      {"type_removed", Code::unsupported, "type 4", with_tensors({gguf_tensor("a", {32}, 4, 0)}, 32)},
      {"beyond_file", Code::format, "data ends at byte",
       with_tensors({gguf_tensor("a", {64}, ggml_f32, 0)}, 32)},
      {"far_beyond_file", Code::format, "data ends at byte",
       with_tensors({gguf_tensor("a", {uint64_t{1} << 60}, ggml_f32, 0)}, 32)},
      {"second_beyond_file", Code::format, "tensor 'b'",
       with_tensors({gguf_tensor("a", {8}, 0, 0), gguf_tensor("b", {16}, 0, 32)}, 64)},
      {"offset_max", Code::format, "offset 0, found 18446744073709551584",
       with_tensors({gguf_tensor("a", {8}, 0, UINT64_MAX - 31)}, 32)},
      {"offset_unaligned", Code::format, "offset 0, found 4",
       with_tensors({gguf_tensor("a", {8}, 0, 4)}, 64)},
      {"hole", Code::format, "offset 32, found 64",
       with_tensors({gguf_tensor("a", {8}, 0, 0), gguf_tensor("b", {8}, 0, 64)}, 96)},
      {"overlap", Code::format, "offset 32, found 0",
       with_tensors({gguf_tensor("a", {8}, 0, 0), gguf_tensor("b", {8}, 0, 0)}, 64)},
      {"no_data", Code::format, "data ends at byte", with_tensors({gguf_tensor("a", {8}, 0, 0)}, 0)},
  };
}

void expect_refused(const std::vector<Case>& cases) {
  const test::TemporaryFolder folder;
  for (const Case& item : cases) {
    SCOPED_TRACE(item.name);
    test::write_bytes(folder.file("hostile.gguf"), item.bytes);
    EXPECT_ERROR(item.code, item.message, GgufFile::open(folder.file("hostile.gguf")));
  }
}

TEST(GgufHostile, Heads) { expect_refused(head_cases()); }
TEST(GgufHostile, Pairs) { expect_refused(pair_cases()); }
TEST(GgufHostile, Tensors) { expect_refused(tensor_cases()); }
TEST(GgufHostile, ZooIsLargeEnough) {
  EXPECT_GE(head_cases().size() + pair_cases().size() + tensor_cases().size(), 60u);
}

// The builders above make sound files when nothing is wrong.
TEST(GgufHostile, SoundFileIsRead) {
  const test::TemporaryFolder folder;
  test::write_bytes(folder.file("x"),
                    with_tensors({gguf_tensor("a", {8, 2}, 0, 0), gguf_tensor("b", {32}, ggml_q8_0, 64)}, 98,
                                 {gguf_pair("k", u32, raw<uint32_t>(5)), alignment_pair(64)}, 64));
  const auto file = GgufFile::open(folder.file("x"));
  EXPECT_EQ(file->at("a").shape, (Shape{2, 8}));
  EXPECT_EQ(test::read_tensor(*file, "b").size(), 34u);
  test::write_bytes(folder.file("v2"), with_version(2));
  EXPECT_EQ(GgufFile::open(folder.file("v2"))->version(), 2u);
}

TEST(GgufHostile, LimitsHoldBeforeAllocation) {
  const test::TemporaryFolder folder;
  const auto refused = [&](const std::string& bytes, uint64_t size, const char* message, Limits limits = {}) {
    test::write_bytes(folder.file("x"), bytes);
    std::filesystem::resize_file(folder.file("x"),
                                 size);  // sparse: the file really has the room that it claims
    EXPECT_ERROR(Code::limit, message, GgufFile::open(folder.file("x"), limits));
  };
  const uint64_t huge = uint64_t{64} << 30;
  refused(with_counts(uint64_t{1} << 30, 0), huge, "tensors exceed");
  refused(with_counts(0, uint64_t{1} << 30), huge, "metadata pairs exceed");
  refused(with_pair(gguf_pair("a", string, raw<uint64_t>(uint64_t{1} << 33))), huge, "exceeds the limit");
  refused(with_pair(gguf_pair("a", array, array_of(u64, uint64_t{1} << 32, ""))), huge, "exceeds the limit");
  refused(with_pair(gguf_pair("a", array, array_of(string, uint64_t{1} << 32, ""))), huge,
          "exceeds the limit");
  Limits small;
  small.tensors = 1;
  refused(with_tensors({gguf_tensor("a", {8}, 0, 0), gguf_tensor("b", {8}, 0, 32)}, 64), 4096, "limit of 1",
          small);
}

TEST(GgufHostile, EveryTruncationOfARealFileIsRefused) {
  const test::TemporaryFolder folder;
  const std::string whole = test::read_bytes(test::own_data_path("all_values.gguf"));
  // The padding after the last tensor may be missing: ggml's own tools once left it out.
  test::write_bytes(folder.file("cut"), whole);
  for (size_t size = whole.size() - 32; size-- > 0;) {
    std::filesystem::resize_file(folder.file("cut"), size);
    EXPECT_ERROR(Code::format, "cut", GgufFile::open(folder.file("cut")));
  }
}

// Any changed byte of the head gives an error or a file whose every tensor can be read.
TEST(GgufHostile, EveryChangedByteOfTheHead) {
  const test::TemporaryFolder folder;
  const std::string bytes = test::read_bytes(test::own_data_path("all_values.gguf"));
  test::write_bytes(folder.file("changed"), bytes);
  for (size_t at = 0; at < 1100; ++at) {
    for (const int change : {1, 0x80, 0xff}) {
      test::patch_byte(folder.file("changed"), at, static_cast<char>(bytes[at] ^ change));
      try {
        const auto file = GgufFile::open(folder.file("changed"));
        for (const TensorEntry& entry : file->entries()) test::read_tensor(*file, entry.name);
      } catch (const Error& error) {
        EXPECT_TRUE(error.code() == Code::format || error.code() == Code::unsupported ||
                    error.code() == Code::limit)
            << error.what();
      }
    }
    test::patch_byte(folder.file("changed"), at, bytes[at]);
  }
}

}  // namespace
}  // namespace peft
