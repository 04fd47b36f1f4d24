#include "formats/safetensors_writer.h"

#include <array>
#include <unordered_map>

#include "base/error.h"
#include "formats/safetensors_header.h"

namespace peft {

void write_safetensors(const std::string& path, const std::vector<OutputTensor>& tensors,
                       const std::map<std::string, std::string>& metadata) {
  SafetensorsHeader header;
  header.metadata = metadata;
  std::unordered_map<std::string_view, const OutputTensor*> by_name;
  for (const OutputTensor& tensor : tensors) {
    header.tensors.push_back({tensor.name, safetensors_type_of(tensor.dtype), tensor.shape});
    by_name.emplace(tensor.name, &tensor);
  }
  const std::string text = build_safetensors_header(header);

  OutputFile file(path);
  std::array<char, 8> length;
  for (size_t i = 0; i < 8; ++i) length[i] = static_cast<char>(text.size() >> (8 * i) & 0xff);
  file.write(std::string_view(length.data(), length.size()));
  file.write(text);
  for (const SafetensorsTensor& tensor : header.tensors) {
    write_pieces(*by_name.at(tensor.name), tensor.end - tensor.begin, file);
  }
  file.commit();
}

}  // namespace peft
