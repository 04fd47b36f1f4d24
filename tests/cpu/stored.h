// Random matrices in any storage, with their exact values.
#pragma once

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "cpu/decode.h"
#include "base/half.h"
#include "tensor/nf4.h"
#include "tensor/view.h"

namespace peft::testing {

inline const std::vector<DType> decodable_types = {DType::f32,        DType::f16,  DType::bf16, DType::nf4,
                                                   DType::nf4_double, DType::q4_0, DType::q4_1, DType::q5_0,
                                                   DType::q5_1,       DType::q8_0, DType::q2_k, DType::q3_k,
                                                   DType::q4_k,       DType::q5_k, DType::q6_k};

// Codes are random bytes; scales lie between 0.5 and 1 so that values are of order one to a hundred.
class Stored {
 public:
  Stored(DType dtype, int64_t rows, int64_t columns, uint32_t seed, int64_t gap = 0)
      : dtype_(dtype),
        rows_(rows),
        columns_(columns),
        stride_(is_quantized(dtype) ? columns : columns + gap),
        random_(seed) {
    const Shape stored{rows, stride_};
    bytes_.resize(static_cast<size_t>(storage_bytes(dtype, stored)) + 64);
    if (is_nf4(dtype)) {
      fill_nf4();
    } else if (is_quantized(dtype)) {
      fill_blocks();
    } else {
      fill_plain();
    }
    const RowDecoder decoder(view());
    values_.resize(static_cast<size_t>(rows * columns));
    for (int64_t r = 0; r < rows; ++r) decoder.decode(r, 0, columns, values_.data() + r * columns);
  }

  ConstView view() const {
    ConstView result;
    result.data = bytes_.data();
    result.shape = Shape{rows_, columns_};
    result.row_stride = stride_;
    result.dtype = dtype_;
    result.all_rows = rows_;
    return result;
  }
  double at(int64_t r, int64_t c) const { return values_[static_cast<size_t>(r * columns_ + c)]; }

 private:
  uint16_t half_scale() { return static_cast<uint16_t>(0x3800u + random_() % 0x400u); }
  void put_half(size_t offset, uint16_t value) { std::memcpy(bytes_.data() + offset, &value, 2); }
  void put_float(size_t offset, float value) { std::memcpy(bytes_.data() + offset, &value, 4); }
  float uniform() { return static_cast<float>(random_() % 2001) / 1000.0f - 1.0f; }
  void fill_random() {
    for (auto& byte : bytes_) byte = static_cast<std::byte>(random_());
  }
  void fill_plain() {
    const size_t width = static_cast<size_t>(traits(dtype_).block_bytes);
    for (size_t i = 0; i + width <= bytes_.size(); i += width) {
      const float value = uniform();
      if (dtype_ == DType::f32) put_float(i, value);
      if (dtype_ == DType::f16) put_half(i, float_to_half(value));
      if (dtype_ == DType::bf16) put_half(i, float_to_bfloat16(value));
    }
  }
  void fill_nf4() {
    fill_random();
    const Nf4Layout layout = Nf4Layout::of(dtype_, rows_ * columns_);
    if (dtype_ == DType::nf4) {
      for (int64_t i = 0; i < layout.blocks; ++i)
        put_float(static_cast<size_t>(layout.maxima_offset + 4 * i), 1.5f + uniform());
      return;
    }
    for (int64_t i = 0; i < layout.nested_blocks; ++i)
      put_float(static_cast<size_t>(layout.nested_offset + 4 * i), 0.5f);
    put_float(static_cast<size_t>(layout.offset_offset), 1.25f);
  }
  void fill_blocks() {
    fill_random();
    const auto block = static_cast<size_t>(traits(dtype_).block_bytes);
    const auto scales = [&]() -> std::vector<size_t> {
      switch (dtype_) {
        case DType::q4_1:
        case DType::q5_1:
        case DType::q4_k:
        case DType::q5_k:
          return {0, 2};
        case DType::q2_k:
          return {80, 82};
        case DType::q3_k:
          return {108};
        case DType::q6_k:
          return {208};
        default:
          return {0};
      }
    }();
    for (size_t at = 0; at + block <= bytes_.size(); at += block) {
      for (size_t scale : scales) put_half(at + scale, half_scale());
    }
  }

  DType dtype_;
  int64_t rows_, columns_, stride_;
  std::mt19937 random_;
  std::vector<std::byte> bytes_;
  std::vector<float> values_;
};

}  // namespace peft::testing
