// Matrices of activations in a device's memory, f32 or bf16, seen as numbers. A bf16 one holds the same random numbers
// as an f32 one, rounded.
#pragma once

#include <utility>
#include <variant>
#include <vector>

#include "base/half.h"
#include "cuda/device_matrix.h"

namespace peft {

inline constexpr double bf16_epsilon = 0x1.0p-8;  // half a unit in the last place, relative

class ActivationMatrix {
 public:
  ActivationMatrix(Context& context, DType dtype, int64_t rows, int64_t columns, Placement place = {})
      : dtype_(dtype), rows_(rows), columns_(columns) {
    if (dtype == DType::f32)
      matrix_.emplace<0>(context, rows, columns, place);
    else
      matrix_.emplace<1>(context, rows, columns, place);
  }

  float at(int64_t r, int64_t c) const {
    if (dtype_ == DType::f32) return std::as_const(*std::get<0>(matrix_).matrix).at(r, c);
    return bfloat16_to_float(std::as_const(*std::get<1>(matrix_).matrix).at(r, c));
  }
  void set(int64_t r, int64_t c, float value) {
    if (dtype_ == DType::f32)
      std::get<0>(matrix_).matrix->at(r, c) = value;
    else
      std::get<1>(matrix_).matrix->at(r, c) = float_to_bfloat16(value);
  }
  void randomize(uint64_t seed) {
    RandomStream random(seed, 77);
    for (int64_t r = 0; r < rows_; ++r)
      for (int64_t c = 0; c < columns_; ++c) set(r, c, random.normal());
  }
  // Row by row.
  std::vector<float> values() const {
    std::vector<float> all;
    for (int64_t r = 0; r < rows_; ++r)
      for (int64_t c = 0; c < columns_; ++c) all.push_back(at(r, c));
    return all;
  }
  View view() {
    return std::visit([](auto& m) { return m.matrix->view(); }, matrix_);
  }
  ::testing::AssertionResult guards_intact() const {
    return std::visit([](const auto& m) { return m.matrix->guards_intact(); }, matrix_);
  }
  // What storing a number of this size rounds off.
  double rounding_of(double value) const { return dtype_ == DType::bf16 ? bf16_epsilon * std::abs(value) : 0; }

 private:
  template <typename T>
  struct Held {
    Held() = default;
    Held(Context& context, int64_t rows, int64_t columns, Placement place)
        : matrix(std::make_unique<DeviceMatrix<T>>(context, rows, columns, place)) {}
    std::unique_ptr<DeviceMatrix<T>> matrix;
  };

  DType dtype_;
  int64_t rows_, columns_;
  std::variant<Held<float>, Held<uint16_t>> matrix_;
};

// Types that `a` or `y` of a product may have in this arithmetic on this backend.
inline std::vector<DType> activation_types(const Backend& backend, Arithmetic arithmetic) {
  if (backend.kind() == DeviceKind::cuda && arithmetic == Arithmetic::bfloat16) return {DType::f32, DType::bf16};
  return {DType::f32};
}

}  // namespace peft
