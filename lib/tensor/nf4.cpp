#include "tensor/nf4.h"

#include <algorithm>
#include <cmath>

#include "base/checked.h"

namespace peft {
namespace {

constexpr int64_t part_alignment = 64;

// Every operation rounds to f32 as torch's does on x86-64 with FMA; std::fma rounds once on any machine, so
// the table has the same bits everywhere.
std::array<float, 256> make_dynamic_map() {
  std::array<float, 256> map{};
  size_t count = 0;
  const float start = 0.1f, end = 1.0f;
  for (int exponent = 0; exponent < 7; ++exponent) {
    const int intervals = 1 << exponent, points = intervals + 1;
    const float step = (end - start) / static_cast<float>(intervals);
    // torch.linspace(0.1, 1, points) counts from whichever end is nearer
    const auto boundary = [&](int k) {
      return k < points / 2 ? std::fma(step, static_cast<float>(k), start)
                            : std::fma(-step, static_cast<float>(points - k - 1), end);
    };
    const auto power = static_cast<float>(std::pow(10.0, exponent - 6));
    for (int k = 0; k < intervals; ++k) {
      const float mean = (boundary(k) + boundary(k + 1)) / 2.0f;
      map[count++] = power * mean;
      map[count++] = -(power * mean);
    }
  }
  map[count++] = 0.0f;
  map[count++] = 1.0f;
  PEFT_ASSERT(count == map.size());
  std::sort(map.begin(), map.end());
  return map;
}

}  // namespace

const std::array<float, 256>& dynamic_map() {
  static const std::array<float, 256> map = make_dynamic_map();
  return map;
}

Nf4Layout Nf4Layout::of(DType dtype, int64_t elements) {
  PEFT_ASSERT(is_nf4(dtype));
  check(elements >= 0 && elements <= (int64_t{1} << 56), Code::format, "{}: {} elements are out of range",
        name_of(dtype), elements);
  Nf4Layout layout{};
  layout.elements = elements;
  layout.blocks = divide_up(elements, nf4_block);
  layout.codes_bytes = (elements + 1) / 2;
  layout.maxima_offset = round_up(layout.codes_bytes, part_alignment);
  if (dtype == DType::nf4) {
    layout.total_bytes = layout.maxima_offset + layout.blocks * int64_t{sizeof(float)};
    layout.nested_offset = layout.offset_offset = layout.total_bytes;
    return layout;
  }
  layout.nested_blocks = divide_up(layout.blocks, nf4_nested_block);
  layout.nested_offset = round_up(layout.maxima_offset + layout.blocks, part_alignment);
  layout.offset_offset =
      round_up(layout.nested_offset + layout.nested_blocks * int64_t{sizeof(float)}, part_alignment);
  layout.total_bytes = layout.offset_offset + int64_t{sizeof(float)};
  return layout;
}

}  // namespace peft
