// A small inline shape: up to four dimensions, row-major, every size >= 0.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

namespace peft {

class Shape {
 public:
  static constexpr int maximum_rank = 4;

  Shape() = default;  // rank 0: one element
  Shape(std::initializer_list<int64_t> sizes);
  explicit Shape(std::span<const int64_t> sizes);

  int rank() const { return rank_; }
  int64_t operator[](int dimension) const;  // negative counts from the end
  std::span<const int64_t> sizes() const { return {sizes_.data(), static_cast<size_t>(rank_)}; }
  int64_t elements() const;  // throws Code::format on overflow
  int64_t columns() const { return rank_ == 0 ? 1 : sizes_[rank_ - 1]; }
  int64_t rows() const;  // product of all but the last size; 1 for vectors
  bool operator==(const Shape& other) const;

 private:
  std::array<int64_t, maximum_rank> sizes_{};
  int rank_ = 0;
};

std::string to_string(const Shape& shape);  // "[2, 576]"

}  // namespace peft
