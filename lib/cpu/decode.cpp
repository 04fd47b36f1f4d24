#include "cpu/decode.h"

#include <algorithm>
#include <cstring>

#include "cpu/convert.h"

namespace peft {

RowDecoder::RowDecoder(const ConstView& x) : x_(x) {
  if (is_nf4(x.dtype)) {
    nf4_ = Nf4Layout::of(x.dtype, x.all_rows * x.columns());
    dynamic_map_ = dynamic_map().data();
    return;
  }
  block_elements_ = traits(x.dtype).block_elements;
  block_bytes_ = traits(x.dtype).block_bytes;
  row_bytes_ = is_quantized(x.dtype) ? row_bytes(x.dtype, x.columns()) : x.row_stride * block_bytes_;
}

void RowDecoder::decode(int64_t row, int64_t begin, int64_t count, float* out) const {
  if (count <= 0) return;
  if (is_nf4(x_.dtype)) return decode_nf4((x_.first_row + row) * x_.columns() + begin, count, out);
  const std::byte* data = x_.data + row * row_bytes_;
  if (is_quantized(x_.dtype)) return decode_blocks(data, begin, count, out);
  data += begin * block_bytes_;
  const auto* halves = reinterpret_cast<const uint16_t*>(data);
  switch (x_.dtype) {
    case DType::f32:
      std::memcpy(out, data, static_cast<size_t>(count) * sizeof(float));
      return;
    case DType::bf16:
      return convert_bfloat16_to_float(halves, out, count);
    case DType::f16:
      return convert_half_to_float(halves, out, count);
    default:
      fail(Code::unsupported, "cannot decode {} to f32", name_of(x_.dtype));
  }
}

void RowDecoder::decode_bfloat16(int64_t row, int64_t begin, int64_t count, uint16_t* out) const {
  if (count <= 0) return;
  if (x_.dtype == DType::bf16) {
    std::memcpy(out, x_.data + row * row_bytes_ + begin * 2, static_cast<size_t>(count) * 2);
    return;
  }
  constexpr int64_t stretch = 512;
  float values[stretch];
  for (int64_t i = 0; i < count; i += stretch) {
    const int64_t n = std::min(stretch, count - i);
    decode(row, begin + i, n, values);
    convert_float_to_bfloat16(values, out + i, n);
  }
}

// Whole blocks go straight to `out`; the parts at both ends pass through one decoded block.
void RowDecoder::decode_blocks(const std::byte* row_data, int64_t begin, int64_t count, float* out) const {
  const auto decode_whole = block_elements_ == 32 ? decode_blocks_of_32 : decode_blocks_of_256;
  const auto* blocks = reinterpret_cast<const uint8_t*>(row_data);
  const int64_t end = begin + count;
  while (begin < end) {
    const int64_t block = begin / block_elements_, skip = begin % block_elements_;
    const uint8_t* address = blocks + block * block_bytes_;
    if (skip == 0 && end - begin >= block_elements_) {
      const int64_t whole = (end - begin) / block_elements_;
      decode_whole(x_.dtype, address, whole, out);
      begin += whole * block_elements_;
      out += whole * block_elements_;
      continue;
    }
    float values[256];
    decode_whole(x_.dtype, address, 1, values);
    const int64_t n = std::min(block_elements_ - skip, end - begin);
    std::memcpy(out, values + skip, static_cast<size_t>(n) * sizeof(float));
    begin += n;
    out += n;
  }
}

void RowDecoder::decode_nf4(int64_t element, int64_t count, float* out) const {
  const auto* codes = reinterpret_cast<const uint8_t*>(x_.data);
  if (element % 2 != 0 && count > 0) {  // reaches back to the even element of the same byte
    const int64_t n = std::min<int64_t>(count, nf4_block - 1);
    float values[nf4_block];
    decode_nf4(element - 1, n + 1, values);
    std::memcpy(out, values + 1, static_cast<size_t>(n) * sizeof(float));
    return decode_nf4(element + n, count - n, out + n);
  }
  constexpr int64_t stretch_blocks = 16;
  float maxima[stretch_blocks];
  while (count > 0) {
    const int64_t first = element / nf4_block;
    const int64_t n = std::min(count, (first + stretch_blocks) * nf4_block - element);
    const int64_t blocks = (element + n - 1) / nf4_block - first + 1;
    nf4_maxima(first, blocks, maxima);
    decode_nf4_codes(codes, element, n, maxima, out);
    element += n;
    count -= n;
    out += n;
  }
}

void RowDecoder::nf4_maxima(int64_t first, int64_t count, float* out) const {
  if (x_.dtype == DType::nf4) {
    std::memcpy(out, x_.data + nf4_.maxima_offset + first * 4, static_cast<size_t>(count) * 4);
    return;
  }
  const float* map = dynamic_map_;
  const auto* quantized = reinterpret_cast<const uint8_t*>(x_.data) + nf4_.maxima_offset;
  const auto* nested = reinterpret_cast<const float*>(x_.data + nf4_.nested_offset);
  const float offset = *reinterpret_cast<const float*>(x_.data + nf4_.offset_offset);
  for (int64_t block = first; block < first + count; ++block) {
    const float product = map[quantized[block]] * nested[block / nf4_nested_block];
    *out++ = product + offset;
  }
}

}  // namespace peft
