#include "formats/safetensors.h"

#include <filesystem>

#include "files.h"
#include "formats/safetensors_header.h"
#include "formats/safetensors_writer.h"
#include "support/expect_error.h"
#include "support/temporary_folder.h"

namespace peft {
namespace {

using test::own_data_path;
using test::read_bytes;
using test::TemporaryFolder;

TEST(Safetensors, ReadsEveryTypeOfThePythonLibrary) {
  const auto file = SafetensorsFile::open(own_data_path("all_types.safetensors"));
  EXPECT_EQ(file->metadata(), (std::map<std::string, std::string>{{"format", "pt"}}));
  EXPECT_EQ(file->entries().size(), 24u);
  const std::map<std::string, DType> readable = {{"uint8", DType::u8},      {"float16", DType::f16},
                                                 {"bfloat16", DType::bf16}, {"int32", DType::i32},
                                                 {"float32", DType::f32},   {"int64", DType::i64}};
  for (const TensorEntry& entry : file->entries()) {
    if (const auto found = readable.find(entry.name); found != readable.end()) {
      EXPECT_TRUE(entry.readable) << entry.name;
      EXPECT_EQ(entry.dtype, found->second) << entry.name;
      EXPECT_EQ(entry.bytes, 16) << entry.name;
      const auto bytes = test::read_tensor<uint8_t>(*file, entry.name);
      for (uint8_t i = 0; i < 16; ++i) EXPECT_EQ(bytes[i], i) << entry.name;
    }
  }
  for (const char* name :
       {"bool", "float64", "int8", "uint64", "complex64", "float8_e4m3fn", "float4_e2m1fn_x2"}) {
    EXPECT_FALSE(file->at(name).readable) << name;
    std::vector<std::byte> out(static_cast<size_t>(file->at(name).bytes));
    EXPECT_ERROR(Code::unsupported, name, file->read(file->at(name), out));
  }
  EXPECT_EQ(file->at("float4_e2m1fn_x2").bytes, 16);
  EXPECT_EQ(file->at("float4_e2m1fn_x2").stored_type, "F4");
  EXPECT_EQ(file->at("scalar").shape, Shape{});
  EXPECT_EQ(test::read_tensor<float>(*file, "scalar"), std::vector<float>{2.5f});
  EXPECT_EQ(file->at("empty").shape, (Shape{0, 3}));
  EXPECT_EQ(file->at("empty").bytes, 0);
  EXPECT_EQ(file->at("rank4").shape, (Shape{2, 3, 1, 4}));
  EXPECT_EQ(test::read_tensor<int32_t>(*file, "name \u00e9 \"quoted\""), (std::vector<int32_t>{1, 2}));
}

TEST(Safetensors, ReadsRanges) {
  const auto file = SafetensorsFile::open(own_data_path("all_types.safetensors"));
  const TensorEntry& entry = file->at("rank4");
  float values[2];
  file->read_range(entry, 7 * 4, std::as_writable_bytes(std::span(values)));
  EXPECT_EQ(values[0], 7.0f);
  EXPECT_EQ(values[1], 8.0f);
  EXPECT_ERROR(Code::invalid_argument, "rank4",
               file->read_range(entry, 23 * 4, std::as_writable_bytes(std::span(values))));
  EXPECT_ERROR(Code::invalid_argument, "rank4",
               file->read_range(entry, -1, std::as_writable_bytes(std::span(values))));
  EXPECT_ERROR(Code::invalid_argument, "96 bytes",
               file->read(entry, std::as_writable_bytes(std::span(values))));
  EXPECT_ERROR(Code::not_found, "no tensor 'nothing'", file->at("nothing"));
  EXPECT_EQ(file->find("nothing"), nullptr);
}

// Every file that the Python library made for the golden values, written again, has its bytes.
TEST(Safetensors, WritesTheBytesOfThePythonLibrary) {
  const TemporaryFolder folder;
  int files = 0;
  for (const auto& item : std::filesystem::recursive_directory_iterator(test::data_path(""))) {
    if (item.path().extension() != ".safetensors") continue;
    const auto file = SafetensorsFile::open(item.path());
    std::vector<OutputTensor> tensors;
    bool writable = true;
    for (const TensorEntry& entry : file->entries()) {
      writable = writable && entry.readable;
      tensors.push_back(output_from_source(entry.name, *file, entry));
    }
    // More than one entry of metadata comes in the random order of a hash table.
    if (!writable || file->metadata().size() > 1) continue;
    std::reverse(tensors.begin(), tensors.end());
    write_safetensors(folder.file("copy"), tensors, file->metadata());
    EXPECT_TRUE(read_bytes(item.path()) == read_bytes(folder.file("copy"))) << item.path();
    ++files;
  }
  EXPECT_GE(files, 30);
}

TEST(Safetensors, WritesNothingButTheHeaderForNoTensors) {
  const TemporaryFolder folder;
  write_safetensors(folder.file("none"), {}, {});
  EXPECT_EQ(read_bytes(folder.file("none")), std::string("\x08\0\0\0\0\0\0\0{}      ", 16));
  EXPECT_TRUE(SafetensorsFile::open(folder.file("none"))->entries().empty());
}

TEST(Safetensors, RefusesToWriteWhatTheFormatCannotHold) {
  const TemporaryFolder folder;
  const std::vector<std::byte> zeros(64);
  const auto tensor = [&](const std::string& name) {
    return output_from_bytes(name, DType::f32, Shape{2}, std::span(zeros).first(8));
  };
  EXPECT_ERROR(Code::invalid_argument, "declared twice",
               write_safetensors(folder.file("x"), {tensor("a"), tensor("a")}));
  EXPECT_ERROR(Code::invalid_argument, "cannot be written",
               write_safetensors(folder.file("x"), {tensor("__metadata__")}));
  EXPECT_ERROR(Code::invalid_argument, "cannot be written",
               write_safetensors(folder.file("x"), {tensor("a\nb")}));
  EXPECT_ERROR(Code::invalid_argument, "cannot be written",
               write_safetensors(folder.file("x"), {tensor("\xff")}));
  EXPECT_ERROR(Code::unsupported, "q8_0",
               write_safetensors(folder.file("x"), {{"q", DType::q8_0, Shape{32}, nullptr}}));
  EXPECT_ERROR(Code::invalid_argument, "expected 8 bytes",
               output_from_bytes("a", DType::f32, Shape{2}, zeros));
  EXPECT_FALSE(path_exists(folder.file("x")));
  EXPECT_TRUE(Folder::open(folder.path()).list().empty());
}

TEST(Safetensors, AnAbandonedSaveLeavesTheOldFile) {
  const TemporaryFolder folder;
  const std::vector<std::byte> zeros(8);
  write_safetensors(folder.file("x"), {output_from_bytes("a", DType::f32, Shape{2}, zeros)});
  const std::string before = read_bytes(folder.file("x"));
  const OutputTensor throwing = {"a", DType::f32, Shape{1 << 21}, [](int64_t offset, std::span<std::byte>) {
                                   if (offset > 0) fail(Code::cancelled, "stopped");
                                 }};
  EXPECT_ERROR(Code::cancelled, "stopped", write_safetensors(folder.file("x"), {throwing}));
  EXPECT_EQ(read_bytes(folder.file("x")), before);
  EXPECT_EQ(Folder::open(folder.path()).list().size(), 1u);
}

// Saving over the file that the tensors come from: the source keeps the old bytes until the new ones are
// complete.
TEST(Safetensors, SavesOverItsOwnSource) {
  const TemporaryFolder folder;
  std::vector<float> values(1 << 20);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  const Shape shape{static_cast<int64_t>(values.size())};
  write_safetensors(folder.file("x"),
                    {output_from_bytes("a", DType::f32, shape, std::as_bytes(std::span(values)))});
  const auto file = SafetensorsFile::open(folder.file("x"));
  write_safetensors(folder.file("x"), {output_from_source("b", *file, file->at("a"))});
  EXPECT_EQ(test::read_tensor<float>(*SafetensorsFile::open(folder.file("x")), "b"), values);
}

TEST(Safetensors, ReportsAFileThatShrankAfterOpening) {
  const TemporaryFolder folder;
  const std::vector<std::byte> zeros(4096);
  write_safetensors(folder.file("x"), {output_from_bytes("a", DType::f32, Shape{1024}, zeros)});
  const auto file = SafetensorsFile::open(folder.file("x"));
  std::filesystem::resize_file(folder.file("x"), 1000);
  std::vector<std::byte> out(4096);
  EXPECT_ERROR(Code::io, "x", file->read(file->at("a"), out));
}

TEST(Safetensors, LargeHeaderIsParsedInLinearTime) {
  const TemporaryFolder folder;
  std::vector<OutputTensor> tensors;
  const std::vector<std::byte> zeros(4);
  for (int i = 0; i < 50000; ++i) {
    tensors.push_back(output_from_bytes("tensor." + std::to_string(i), DType::f32, Shape{1}, zeros));
  }
  write_safetensors(folder.file("x"), tensors);
  EXPECT_EQ(SafetensorsFile::open(folder.file("x"))->entries().size(), 50000u);
  Limits limits;
  limits.tensors = 49999;
  EXPECT_ERROR(Code::limit, "49999", SafetensorsFile::open(folder.file("x"), limits));
}

}  // namespace
}  // namespace peft
