// GGUF files, versions 2 and 3, little endian: metadata, tensor descriptions, aligned data.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/limits.h"
#include "formats/gguf_metadata.h"
#include "formats/tensor_source.h"

namespace peft {

// ggml's number of an element type, and back; empty for types that DType lacks.
std::optional<DType> dtype_of_ggml(uint32_t type);
std::optional<uint32_t> ggml_type_of(DType dtype);
std::string ggml_type_name(uint32_t type);  // "Q4_1"; "type 77" for unknown ones

class GgufFile final : public TensorSource {
 public:
  // Reads metadata and descriptions; tensor data stays on disk. Shapes come out row-major (GGUF's sizes
  // reversed). Throws Code::format for a malformed file, Code::limit for one that exceeds `limits`,
  // Code::unsupported for other versions, big endian, parts of a split model, nested arrays, and element
  // types that DType lacks.
  static std::unique_ptr<GgufFile> open(InputFile file, const Limits& limits = {});
  static std::unique_ptr<GgufFile> open(const std::string& path, const Limits& limits = {});

  const GgufMetadata& metadata() const { return metadata_; }
  uint32_t version() const { return version_; }
  int64_t alignment() const { return alignment_; }
  int64_t file_bytes() const { return file_.size(); }

 private:
  GgufFile(InputFile file, const Limits& limits);
  void read_bytes(int index, int64_t offset, std::span<std::byte> out) const override;

  InputFile file_;
  GgufMetadata metadata_;
  uint32_t version_ = 0;
  int64_t alignment_ = 32;
  std::vector<int64_t> offsets_;  // of each entry in the file
};

bool looks_like_gguf(const InputFile& file);  // by its first four bytes

}  // namespace peft
