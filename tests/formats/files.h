// Bytes in and out of files, and builders of files that may be wrong in any place.
#pragma once

#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "formats/tensor_source.h"
#include "support/paths.h"

namespace peft::test {

inline std::string data_path(const std::string& name) {
  return std::string(::peft::test::source_folder()) + "/tests/data/" + name;
}
inline std::string own_data_path(const std::string& name) {
  return std::string(::peft::test::source_folder()) + "/tests/formats/data/" + name;
}

inline std::string read_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot open " + path);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline void write_bytes(const std::string& path, std::string_view bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (!file) throw std::runtime_error("cannot write " + path);
}

// Changes one byte in place: far cheaper than writing the file anew.
inline void patch_byte(const std::string& path, size_t offset, char value) {
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(static_cast<std::streamoff>(offset));
  file.put(value);
  if (!file.flush()) throw std::runtime_error("cannot change " + path);
}

template <typename T = std::byte>
std::vector<T> read_tensor(const TensorSource& source, const std::string& name) {
  const TensorEntry& entry = source.at(name);
  std::vector<T> values(static_cast<size_t>(entry.bytes) / sizeof(T));
  source.read(entry, std::as_writable_bytes(std::span(values)));
  return values;
}

// A number as little-endian bytes.
template <typename T>
std::string raw(T value) {
  static_assert(std::is_arithmetic_v<T>);
  return std::string(reinterpret_cast<const char*>(&value), sizeof value);
}

inline std::string safetensors_bytes(std::string_view header, std::string_view data) {
  return raw<uint64_t>(header.size()) + std::string(header) + std::string(data);
}

inline std::string gguf_string(std::string_view text) {
  return raw<uint64_t>(text.size()) + std::string(text);
}

// Types by their numbers in the format: a test must be able to say wrong ones.
inline std::string gguf_pair(std::string_view key, uint32_t type, std::string_view value) {
  return gguf_string(key) + raw(type) + std::string(value);
}
inline std::string gguf_tensor(std::string_view name, const std::vector<uint64_t>& sizes, uint32_t type,
                               uint64_t offset) {
  std::string text = gguf_string(name) + raw<uint32_t>(static_cast<uint32_t>(sizes.size()));
  for (const uint64_t size : sizes) text += raw(size);
  return text + raw(type) + raw(offset);
}

struct GgufBytes {
  std::string magic = "GGUF";
  uint32_t version = 3;
  std::vector<std::string> pairs;
  std::vector<std::string> tensors;
  uint64_t more_pairs = 0, more_tensors = 0;  // added to the counts
  std::string data;

  std::string text(size_t alignment = 32) const {
    std::string bytes = magic + raw(version) + raw<uint64_t>(tensors.size() + more_tensors) +
                        raw<uint64_t>(pairs.size() + more_pairs);
    for (const std::string& pair : pairs) bytes += pair;
    for (const std::string& tensor : tensors) bytes += tensor;
    bytes.resize((bytes.size() + alignment - 1) / alignment * alignment, '\0');
    return bytes + data;
  }
};

}  // namespace peft::test
