// Strided host matrices with guards, and ways to run a kernel on every instruction set and thread count.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "base/random.h"
#include "cpu/cpu_backend.h"
#include "hwy/targets.h"
#include "tensor/view.h"

namespace peft::testing {

inline constexpr double f32_epsilon = 0x1.0p-24;  // half a unit in the last place, relative

// A [rows, columns] matrix whose rows lie `gap` elements apart; the gaps must stay as they are.
template <typename T>
class Grid {
 public:
  Grid(int64_t rows, int64_t columns, int64_t gap = 0)
      : rows_(rows),
        columns_(columns),
        stride_(columns + gap),
        data_(static_cast<size_t>(rows * (columns + gap)) + 1, guard) {
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t c = 0; c < columns; ++c) at(r, c) = T{};
  }
  T& at(int64_t r, int64_t c) { return data_[static_cast<size_t>(r * stride_ + c)]; }
  const T& at(int64_t r, int64_t c) const { return data_[static_cast<size_t>(r * stride_ + c)]; }
  int64_t rows() const { return rows_; }
  int64_t columns() const { return columns_; }
  int64_t stride() const { return stride_; }

  View view() {
    View result;
    result.data = reinterpret_cast<std::byte*>(data_.data());
    result.shape = Shape{rows_, columns_};
    result.row_stride = stride_;
    result.dtype = sizeof(T) == 8 ? DType::i64 : std::is_same_v<T, float> ? DType::f32 : DType::i32;
    return result;
  }
  // The same memory as [rows * columns]; only without gaps.
  View vector_view() {
    View result = view();
    result.shape = Shape{rows_ * columns_};
    result.row_stride = rows_ * columns_;
    return result;
  }
  void fill(T value) {
    for (int64_t r = 0; r < rows_; ++r)
      for (int64_t c = 0; c < columns_; ++c) at(r, c) = value;
  }
  void randomize(uint64_t seed, float scale = 1, float offset = 0) {
    RandomStream random(seed, 77);
    for (int64_t r = 0; r < rows_; ++r)
      for (int64_t c = 0; c < columns_; ++c) at(r, c) = static_cast<T>(random.normal() * scale + offset);
  }
  bool guards_intact() const {
    for (int64_t r = 0; r < rows_; ++r)
      for (int64_t c = columns_; c < stride_; ++c)
        if (at(r, c) != guard) return false;
    return data_.back() == guard;
  }
  bool same_bits(const Grid& other) const {
    return data_.size() == other.data_.size() &&
           std::memcmp(data_.data(), other.data_.data(), data_.size() * sizeof(T)) == 0;
  }

 private:
  static constexpr T guard = static_cast<T>(-12345);
  int64_t rows_, columns_, stride_;
  std::vector<T> data_;
};

using Floats32 = Grid<float>;
using Ints32 = Grid<int32_t>;

// Runs body() with kernels dispatched to each instruction set that this CPU has of those that are compiled.
template <typename Body>
void on_every_instruction_set(const Body& body) {
  const int64_t all = hwy::SupportedTargets();
  for (const int64_t target : {int64_t{HWY_SCALAR}, int64_t{HWY_AVX2}, int64_t{HWY_AVX3}}) {
    if (target != HWY_SCALAR && (all & target) == 0) continue;
    SCOPED_TRACE(std::string("instruction set ") + hwy::TargetName(target));
    hwy::GetChosenTarget().Update(target);
    body();
  }
  hwy::GetChosenTarget().Update(all);
}

// compute(backend) gives a Grid; its bits must not depend on the number of threads.
template <typename Compute>
void expect_independent_of_threads(const Compute& compute) {
  CpuBackend one(nullptr, 1), two(nullptr, 2), three(nullptr, 3);
  const auto expected = compute(one);
  EXPECT_TRUE(expected.same_bits(compute(two)));
  EXPECT_TRUE(expected.same_bits(compute(three)));
}

// |found - expected| <= relative * |expected| + absolute, with the place in the message.
inline ::testing::AssertionResult near(double found, double expected, double relative, double absolute) {
  const double bound = relative * std::abs(expected) + absolute;
  if (std::abs(found - expected) <= bound) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure()
         << "found " << found << ", expected " << expected << ", bound " << bound;
}

}  // namespace peft::testing
