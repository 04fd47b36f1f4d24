#include "formats/safetensors.h"

#include <array>

#include "base/checked.h"
#include "base/error.h"
#include "formats/safetensors_header.h"

namespace peft {
namespace {

uint64_t little_endian_u64(const std::array<std::byte, 8>& bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < 8; ++i) value |= static_cast<uint64_t>(bytes[i]) << (8 * i);
  return value;
}

}  // namespace

SafetensorsFile::SafetensorsFile(InputFile file, const Limits& limits)
    : TensorSource(file.path(), limits), file_(std::move(file)) {}

std::unique_ptr<SafetensorsFile> SafetensorsFile::open(const std::string& path, const Limits& limits) {
  return open(InputFile::open(path), limits);
}

std::unique_ptr<SafetensorsFile> SafetensorsFile::open(InputFile file, const Limits& limits) {
  std::unique_ptr<SafetensorsFile> result(new SafetensorsFile(std::move(file), limits));
  const InputFile& input = result->file_;
  const std::string& path = input.path();
  check(input.size() >= 8, Code::format, "{}: a safetensors file has at least 8 bytes, found {}", path,
        input.size());
  std::array<std::byte, 8> length_bytes;
  input.read_at(0, length_bytes);
  const uint64_t length = little_endian_u64(length_bytes);
  check(length <= static_cast<uint64_t>(input.size() - 8), Code::format,
        "{}: header of {} bytes does not fit the file of {} bytes", path, length, input.size());
  check(length <= static_cast<uint64_t>(limits.safetensors_header), Code::limit,
        "{}: header of {} bytes exceeds the limit of {}", path, length, limits.safetensors_header);

  std::string text(length, '\0');
  input.read_at(8, std::as_writable_bytes(std::span(text)));
  const int64_t data_start = 8 + static_cast<int64_t>(length);
  SafetensorsHeader header = parse_safetensors_header(text, input.size() - data_start, path, limits);

  result->metadata_ = std::move(header.metadata);
  for (SafetensorsTensor& tensor : header.tensors) {
    const std::optional<DType> dtype = dtype_of(tensor.type);
    TensorEntry entry;
    entry.name = std::move(tensor.name);
    entry.dtype = dtype.value_or(DType::u8);
    entry.readable = dtype.has_value();
    entry.shape = tensor.shape;
    entry.bytes = tensor.end - tensor.begin;
    entry.stored_type = name_of(tensor.type);
    result->add(std::move(entry));
    result->offsets_.push_back(data_start + tensor.begin);
  }
  return result;
}

void SafetensorsFile::read_bytes(int index, int64_t offset, std::span<std::byte> out) const {
  file_.read_at(offsets_[static_cast<size_t>(index)] + offset, out);
}

}  // namespace peft
