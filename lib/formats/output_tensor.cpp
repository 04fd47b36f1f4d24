#include "formats/output_tensor.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "base/error.h"

namespace peft {

OutputTensor output_from_bytes(std::string name, DType dtype, const Shape& shape,
                               std::span<const std::byte> bytes) {
  const int64_t expected = storage_bytes(dtype, shape);
  check(static_cast<int64_t>(bytes.size()) == expected, Code::invalid_argument,
        "tensor '{}': expected {} bytes of {} {}, found {}", name, expected, name_of(dtype), to_string(shape),
        bytes.size());
  return {std::move(name), dtype, shape, [bytes](int64_t offset, std::span<std::byte> out) {
            if (!out.empty()) std::memcpy(out.data(), bytes.data() + offset, out.size());
          }};
}

OutputTensor output_from_source(std::string name, const TensorSource& source, const TensorEntry& entry) {
  return {
      std::move(name), entry.dtype, entry.shape,
      [&source, entry](int64_t offset, std::span<std::byte> out) { source.read_range(entry, offset, out); }};
}

void write_pieces(const OutputTensor& tensor, int64_t bytes, OutputFile& file) {
  constexpr int64_t piece = 4 << 20;
  std::vector<std::byte> buffer(static_cast<size_t>(std::min(bytes, piece)));
  for (int64_t done = 0; done < bytes;) {
    const std::span<std::byte> out =
        std::span(buffer).first(static_cast<size_t>(std::min(piece, bytes - done)));
    tensor.read(done, out);
    file.write(out);
    done += static_cast<int64_t>(out.size());
  }
}

}  // namespace peft
