// A tensor on its way to a file: declared first, its bytes pulled when the writer comes to them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "base/file.h"
#include "formats/tensor_source.h"
#include "tensor/dtype.h"
#include "tensor/shape.h"

namespace peft {

struct OutputTensor {
  std::string name;
  DType dtype = DType::f32;
  Shape shape;  // row-major
  // Fills `out` with the bytes from `offset` on of the layout in memory. Called in the writer's order,
  // offsets ascending within one pass, possibly for several passes. May throw (a cancelled save): nothing is
  // then left on disk.
  std::function<void(int64_t offset, std::span<std::byte> out)> read;
};

// `bytes` is borrowed and must live until the file is written; its size must be storage_bytes(dtype, shape).
OutputTensor output_from_bytes(std::string name, DType dtype, const Shape& shape,
                               std::span<const std::byte> bytes);
// Copies `entry` of `source`, which is borrowed, under `name`.
OutputTensor output_from_source(std::string name, const TensorSource& source, const TensorEntry& entry);

// Appends the `bytes` bytes of the tensor to `file`, a few megabytes at a time.
void write_pieces(const OutputTensor& tensor, int64_t bytes, OutputFile& file);

}  // namespace peft
