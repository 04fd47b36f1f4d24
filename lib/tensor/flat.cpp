#include "tensor/flat.h"

#include "base/checked.h"

namespace peft {
namespace {

constexpr int64_t alignment = 256 / static_cast<int64_t>(sizeof(float));

}  // namespace

FlatTensors flat_zeros(Context& context, std::span<const Shape> shapes, FlatPlace place) {
  int64_t elements = 0;
  for (const Shape& shape : shapes) elements += round_up(shape.elements(), alignment);
  FlatTensors flat;
  const Shape whole{elements};
  flat.all = place == FlatPlace::host     ? context.empty_on_host(whole)
             : place == FlatPlace::shared ? context.empty_shared(whole)
                                          : context.empty(whole);
  if (elements > 0) context.backend().fill(flat.all.view(), 0.0f);
  int64_t begin = 0;
  for (const Shape& shape : shapes) {
    flat.parts.push_back(flat.all.column_range(begin, shape.elements()).reshaped(shape));
    begin += round_up(shape.elements(), alignment);
  }
  return flat;
}

std::vector<Shape> shapes_of(std::span<const Tensor> tensors) {
  std::vector<Shape> shapes;
  for (const Tensor& tensor : tensors) shapes.push_back(tensor.shape());
  return shapes;
}

}  // namespace peft
