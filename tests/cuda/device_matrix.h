// Strided matrices in a device's memory, with guards, for tests of single kernels on every device.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#include <type_traits>
#include <vector>

#include "base/random.h"
#include "support/device.h"

namespace peft {

inline constexpr double f32_epsilon = 0x1.0p-24;  // half a unit in the last place, relative

// Where a matrix lies: `gap` elements between rows, `lead` before the first.
struct Placement {
  int64_t gap = 0, lead = 0;
};

// A [rows, columns] matrix in a block of its own. What is around its rows must stay as it is. The host's copy
// goes to the device when a view is taken, and comes back when it is looked at.
template <typename T>
class DeviceMatrix {
 public:
  DeviceMatrix(Context& context, int64_t rows, int64_t columns, Placement place = {},
               DType dtype = default_type())
      : context_(&context),
        rows_(rows),
        columns_(columns),
        stride_(columns + place.gap),
        lead_(place.lead),
        dtype_(dtype),
        host_(static_cast<size_t>(lead_ + rows * stride_ + 1), guard),
        storage_(make_storage(context.backend().memory(), bytes())) {
    fill(T{});
  }
  DeviceMatrix(DeviceMatrix&&) = default;

  int64_t rows() const { return rows_; }
  int64_t columns() const { return columns_; }
  T& at(int64_t r, int64_t c) {
    receive();
    host_is_newer_ = true;
    return host_[place_of(r, c)];
  }
  const T& at(int64_t r, int64_t c) const {
    receive();
    return host_[place_of(r, c)];
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
  void assign(const DeviceMatrix& other) {
    for (int64_t r = 0; r < rows_; ++r)
      for (int64_t c = 0; c < columns_; ++c) at(r, c) = other.at(r, c);
  }

  View view() {
    send();
    device_is_newer_ = true;
    View result;
    result.data = storage_->data() + lead_ * static_cast<int64_t>(sizeof(T));
    result.shape = Shape{rows_, columns_};
    result.row_stride = stride_;
    result.dtype = dtype_;
    return result;
  }
  // The same memory as [rows * columns]; only without gaps.
  View vector_view() {
    View result = view();
    result.shape = Shape{rows_ * columns_};
    result.row_stride = rows_ * columns_;
    return result;
  }

  ::testing::AssertionResult guards_intact() const {
    receive();
    for (int64_t i = 0; i < static_cast<int64_t>(host_.size()); ++i) {
      const int64_t inside = i - lead_;
      if (inside >= 0 && inside < rows_ * stride_ && inside % stride_ < columns_) continue;
      if (std::memcmp(&host_[static_cast<size_t>(i)], &guard, sizeof(T)) != 0)
        return ::testing::AssertionFailure() << "element " << inside << " from the start was written";
    }
    return ::testing::AssertionSuccess();
  }
  bool same_bits(const DeviceMatrix& other) const {
    for (int64_t r = 0; r < rows_; ++r)
      for (int64_t c = 0; c < columns_; ++c)
        if (std::memcmp(&at(r, c), &other.at(r, c), sizeof(T)) != 0) return false;
    return rows_ == other.rows_ && columns_ == other.columns_;
  }

 private:
  static constexpr DType default_type() {
    if (std::is_same_v<T, float>) return DType::f32;
    if (std::is_same_v<T, int32_t>) return DType::i32;
    if (std::is_same_v<T, int64_t>) return DType::i64;
    return sizeof(T) == 2 ? DType::bf16 : DType::u8;
  }
  inline static const T guard = static_cast<T>(std::is_same_v<T, float> ? -12345 : 0x5a);

  size_t place_of(int64_t r, int64_t c) const { return static_cast<size_t>(lead_ + r * stride_ + c); }
  int64_t bytes() const { return static_cast<int64_t>(host_.size() * sizeof(T)); }
  void send() {
    if (!host_is_newer_) return;
    context_->backend().copy_from_host(reinterpret_cast<const std::byte*>(host_.data()), storage_->data(),
                                       bytes());
    host_is_newer_ = false;
  }
  void receive() const {
    if (!device_is_newer_) return;
    context_->backend().copy_to_host(storage_->data(), reinterpret_cast<std::byte*>(host_.data()), bytes());
    device_is_newer_ = false;
  }

  Context* context_;
  int64_t rows_, columns_, stride_, lead_;
  DType dtype_;
  mutable std::vector<T> host_;
  std::shared_ptr<Storage> storage_;
  bool host_is_newer_ = true;
  mutable bool device_is_newer_ = false;
};

using FloatMatrix = DeviceMatrix<float>;
using IndexMatrix = DeviceMatrix<int32_t>;

// Packs of 16 bytes fit, of two-byte elements too; rows begin anywhere; a stride that is a multiple of 16 bytes
// from an address that is not.
inline constexpr Placement placements[] = {{0, 0}, {8, 0}, {3, 1}, {0, 2}};

// |found - expected| <= relative * |expected| + absolute
inline ::testing::AssertionResult near(float found, double expected, double relative, double absolute) {
  const double bound = relative * std::abs(expected) + absolute;
  if (std::abs(static_cast<double>(found) - expected) <= bound) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure()
         << "found " << found << ", expected " << expected << ", bound " << bound;
}

}  // namespace peft
