#include "cpu/ordered_mean.h"

#include <algorithm>
#include <array>
#include <bit>

namespace peft {
namespace {

constexpr int levels = 4, columns = 4;

template <int lanes>
struct Vector {
  std::array<float, lanes> lane{};
  void add(const float* x) {
    for (int i = 0; i < lanes; ++i) lane[static_cast<size_t>(i)] += x[i];
  }
  void add(const Vector& other) { add(other.lane.data()); }
};

// The sum of `count` vectors of `lanes` values.
template <int lanes>
Vector<lanes> sum_vectors(const float* x, int64_t count) {
  const int64_t rows = count / columns;
  const int ceiling_log2 = rows > 1 ? static_cast<int>(std::bit_width(static_cast<uint64_t>(rows - 1))) : 0;
  const int power = std::max(4, ceiling_log2 / levels);
  const int64_t step = int64_t{1} << power;
  std::array<std::array<Vector<lanes>, columns>, levels> sums{};
  const auto add_row = [&](int64_t row) {
    for (int c = 0; c < columns; ++c) sums[0][static_cast<size_t>(c)].add(x + (row * columns + c) * lanes);
  };
  const auto carry = [&](size_t level) {
    for (size_t c = 0; c < columns; ++c) {
      sums[level][c].add(sums[level - 1][c]);
      sums[level - 1][c] = {};
    }
  };
  int64_t row = 0;
  while (row + step <= rows) {
    for (int64_t end = row + step; row < end; ++row) add_row(row);
    for (size_t level = 1; level < levels; ++level) {
      carry(level);
      if ((row & ((step - 1) << (level * static_cast<size_t>(power)))) != 0) break;
    }
  }
  for (; row < rows; ++row) add_row(row);
  for (size_t level = 1; level < levels; ++level) {
    for (size_t c = 0; c < columns; ++c) sums[0][c].add(sums[level][c]);
  }
  Vector<lanes> total = sums[0][0];
  for (int64_t i = rows * columns; i < count; ++i) total.add(x + i * lanes);
  for (size_t c = 1; c < columns; ++c) total.add(sums[0][c]);
  return total;
}

}  // namespace

float ordered_mean(std::span<const float> values) {
  constexpr int lanes = 8;
  const auto count = static_cast<int64_t>(values.size());
  float sum = 0;
  if (count < lanes) {
    sum = sum_vectors<1>(values.data(), count).lane[0];
  } else {
    const int64_t whole = count / lanes;
    const Vector<lanes> vectors = sum_vectors<lanes>(values.data(), whole);
    for (int64_t i = whole * lanes; i < count; ++i) sum += values[static_cast<size_t>(i)];
    for (float lane : vectors.lane) sum += lane;
  }
  return sum / static_cast<float>(count);
}

}  // namespace peft
