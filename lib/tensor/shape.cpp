#include "tensor/shape.h"

#include "base/checked.h"

namespace peft {

Shape::Shape(std::initializer_list<int64_t> sizes)
    : Shape(std::span<const int64_t>(sizes.begin(), sizes.size())) {}

Shape::Shape(std::span<const int64_t> sizes) {
  check(sizes.size() <= static_cast<size_t>(maximum_rank), Code::format,
        "shape: expected at most {} dimensions, found {}", maximum_rank, sizes.size());
  for (const int64_t size : sizes) {
    check(size >= 0, Code::format, "shape: negative size {}", size);
    sizes_[static_cast<size_t>(rank_++)] = size;
  }
}

int64_t Shape::operator[](int dimension) const {
  const int index = dimension < 0 ? dimension + rank_ : dimension;
  PEFT_ASSERT(index >= 0 && index < rank_);
  return sizes_[static_cast<size_t>(index)];
}

int64_t Shape::elements() const { return checked_multiply(rows(), columns(), "number of elements"); }

int64_t Shape::rows() const {
  int64_t product = 1;
  for (int i = 0; i + 1 < rank_; ++i) {
    product = checked_multiply(product, sizes_[static_cast<size_t>(i)], "number of elements");
  }
  return product;
}

bool Shape::operator==(const Shape& other) const { return rank_ == other.rank_ && sizes_ == other.sizes_; }

std::string to_string(const Shape& shape) {
  std::string text = "[";
  for (const int64_t size : shape.sizes()) {
    if (text.size() > 1) text += ", ";
    text += std::to_string(size);
  }
  return text + "]";
}

}  // namespace peft
