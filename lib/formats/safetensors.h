// safetensors files: an 8-byte length, a JSON header, tensors. Only the header is read when a file is opened.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/limits.h"
#include "formats/tensor_source.h"

namespace peft {

class SafetensorsFile final : public TensorSource {
 public:
  // Throws Code::io, Code::format, Code::limit; see parse_safetensors_header.
  static std::unique_ptr<SafetensorsFile> open(InputFile file, const Limits& limits = {});
  static std::unique_ptr<SafetensorsFile> open(const std::string& path, const Limits& limits = {});

  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  int64_t file_bytes() const { return file_.size(); }

 private:
  SafetensorsFile(InputFile file, const Limits& limits);
  void read_bytes(int index, int64_t offset, std::span<std::byte> out) const override;

  InputFile file_;
  std::map<std::string, std::string> metadata_;
  std::vector<int64_t> offsets_;  // of each entry in the file
};

}  // namespace peft
